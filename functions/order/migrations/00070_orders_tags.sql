-- +goose Up
-- The tags of staff, as a list in JSON, NULL for none. tag_changes is how often they have changed: each
-- change increases the version without a row in order_history, which souk audit checks.
ALTER TABLE orders
    ADD COLUMN tags TEXT NULL,
    ADD COLUMN tag_changes INT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE orders
    DROP COLUMN tag_changes,
    DROP COLUMN tags;
