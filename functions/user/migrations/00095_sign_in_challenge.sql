-- +goose Up
-- The first steps of sign-ins and of registrations of passkeys, by the hash of the token that
-- continues them. user_id is NULL for a sign-in with a passkey, password_version for all but a
-- sign-in whose password was checked, and ceremony is the state of one with a passkey.
CREATE TABLE sign_in_challenge (
    token_hash       BINARY(32)      NOT NULL PRIMARY KEY,
    purpose          VARCHAR(16)     NOT NULL,
    user_id          BINARY(16)      NULL,
    password_version BIGINT          NULL,
    ceremony         VARBINARY(4096) NULL,
    tries            INT             NOT NULL DEFAULT 0,
    expires_at       DATETIME(6)     NOT NULL,
    KEY sign_in_challenge_by_user (user_id),
    KEY sign_in_challenge_by_expiry (expires_at),
    CONSTRAINT sign_in_challenge_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE sign_in_challenge;
