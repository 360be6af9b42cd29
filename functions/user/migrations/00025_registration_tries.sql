-- +goose Up
-- The number of attempts to confirm the registration with a password.
ALTER TABLE registration ADD COLUMN tries INT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE registration DROP COLUMN tries;
