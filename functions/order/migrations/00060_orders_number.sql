-- +goose Up
-- number is the readable number of the order, without its prefix and hyphen. It is NULL for orders of
-- older versions until the sweep of order-outbox has set it and written the order's search words. The
-- other indexes have the orders by total and by the time of the last change.
ALTER TABLE orders
    ADD COLUMN number VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    ADD UNIQUE KEY orders_by_number (number),
    ADD KEY orders_by_total (total_currency, total_amount, id),
    ADD KEY orders_by_update (updated_at, id);

-- +goose Down
ALTER TABLE orders
    DROP KEY orders_by_update,
    DROP KEY orders_by_total,
    DROP KEY orders_by_number,
    DROP COLUMN number;
