-- +goose Up
-- A requested reset of a password. token_hash is the hash of the token in the mail,
-- after the mail was sent.
CREATE TABLE password_reset (
    id         BINARY(16)   NOT NULL PRIMARY KEY,
    email_key  VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    token_hash BINARY(32)   NULL,
    created_at DATETIME(6)  NOT NULL,
    expires_at DATETIME(6)  NOT NULL,
    UNIQUE KEY password_reset_by_token_hash (token_hash),
    KEY password_reset_by_email (email_key),
    KEY password_reset_by_expiry (expires_at)
);

-- +goose Down
DROP TABLE password_reset;
