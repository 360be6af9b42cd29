-- +goose Up
-- How often the registration was to be confirmed with a password.
ALTER TABLE registration ADD COLUMN tries INT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE registration DROP COLUMN tries;
