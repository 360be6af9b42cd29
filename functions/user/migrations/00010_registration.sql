-- +goose Up
-- A requested account, until it is confirmed with the token that is mailed to the
-- address. token_hash is the hash of the token, after the mail was sent.
CREATE TABLE registration (
    id            BINARY(16)   NOT NULL PRIMARY KEY,
    email         VARCHAR(254) NOT NULL,
    email_key     VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    name          VARCHAR(200) NOT NULL,
    token_hash    BINARY(32)   NULL,
    created_at    DATETIME(6)  NOT NULL,
    expires_at    DATETIME(6)  NOT NULL,
    UNIQUE KEY registration_by_token_hash (token_hash),
    KEY registration_by_email (email_key),
    KEY registration_by_expiry (expires_at)
);

-- +goose Down
DROP TABLE registration;
