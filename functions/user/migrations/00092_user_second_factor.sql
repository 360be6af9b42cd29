-- +goose Up
-- Whether the account has an authenticator app or a passkey, so that its password alone opens
-- no session.
ALTER TABLE user
    ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE user
    DROP COLUMN second_factor;
