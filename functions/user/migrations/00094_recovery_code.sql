-- +goose Up
-- Hashes of the recovery codes of an account, each of which replaces the second factor once.
CREATE TABLE recovery_code (
    user_id   BINARY(16)  NOT NULL,
    code_hash BINARY(32)  NOT NULL,
    used_at   DATETIME(6) NULL,
    PRIMARY KEY (user_id, code_hash),
    CONSTRAINT recovery_code_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE recovery_code;
