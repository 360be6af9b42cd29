-- +goose Up
-- The authenticator app of an account. secret is encrypted with SECOND_FACTOR_KEYS.
-- confirmed_at is NULL until the first code was entered. last_step is the time step of the
-- last code that was accepted; only a later one is.
CREATE TABLE totp (
    user_id      BINARY(16)     NOT NULL PRIMARY KEY,
    id           BINARY(16)     NOT NULL,
    secret       VARBINARY(255) NOT NULL,
    last_step    BIGINT         NOT NULL,
    created_at   DATETIME(6)    NOT NULL,
    confirmed_at DATETIME(6)    NULL,
    CONSTRAINT totp_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE totp;
