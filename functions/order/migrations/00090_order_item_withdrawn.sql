-- +goose Up
-- Units that were refunded and are for sale again: withdrawn are those that had not been shipped, and
-- taken_back those that have come back without a return.
ALTER TABLE order_item
    ADD COLUMN withdrawn  BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN taken_back BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE order_item
    DROP COLUMN taken_back,
    DROP COLUMN withdrawn;
