-- +goose Up
-- One row per refresh token, by the token's hash. All tokens of one login are a family.
CREATE TABLE session (
    id           BINARY(16)  NOT NULL PRIMARY KEY,
    family_id    BINARY(16)  NOT NULL,
    user_id      BINARY(16)  NOT NULL,
    refresh_hash BINARY(32)  NOT NULL,
    created_at   DATETIME(6) NOT NULL,
    expires_at   DATETIME(6) NOT NULL,
    UNIQUE KEY session_by_refresh_hash (refresh_hash),
    KEY session_by_family (family_id),
    KEY session_by_user (user_id, expires_at),
    CONSTRAINT session_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE session;
