-- +goose Up
-- How often the customer of an order has changed: each change increases the version without a row in
-- order_history, which souk audit checks.
ALTER TABLE orders
    ADD COLUMN adoptions INT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE orders
    DROP COLUMN adoptions;
