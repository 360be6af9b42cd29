-- +goose Up
-- The price of the order, as JSON. It is NULL for an order without tax, shipping charge and
-- discounts, whose price is the sum of its items.
ALTER TABLE orders
    ADD COLUMN quote TEXT NULL;

-- +goose Down
ALTER TABLE orders
    DROP COLUMN quote;
