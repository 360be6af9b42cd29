-- +goose Up
-- How many of the reserved units are for sale again, after a refund. They are not released again.
ALTER TABLE reservation_item ADD COLUMN restocked BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE reservation_item DROP COLUMN restocked;
