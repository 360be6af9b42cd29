-- +goose Up
-- email is the address as it was entered; email_key is lower case and unique.
CREATE TABLE user (
    id               BINARY(16)   NOT NULL PRIMARY KEY,
    email            VARCHAR(254) NOT NULL,
    email_key        VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    password_hash    VARCHAR(255) NOT NULL,
    password_version BIGINT       NOT NULL,
    name             VARCHAR(200) NOT NULL,
    role             VARCHAR(16)  NOT NULL,
    version          BIGINT       NOT NULL,
    created_at       DATETIME(6)  NOT NULL,
    updated_at       DATETIME(6)  NOT NULL,
    UNIQUE KEY user_by_email (email_key)
);

-- +goose Down
DROP TABLE user;
