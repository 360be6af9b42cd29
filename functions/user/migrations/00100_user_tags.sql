-- +goose Up
-- The tags of staff, as a list in JSON, NULL for none.
ALTER TABLE user ADD COLUMN tags TEXT NULL;

-- +goose Down
ALTER TABLE user DROP COLUMN tags;
