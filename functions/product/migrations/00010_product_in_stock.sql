-- +goose Up
-- The products that can be ordered now, so that a search for them reads no others.
-- A sale changes these keys only when it sells the last unit. The column is stored,
-- because MariaDB had many bugs with indexes on virtual columns.
ALTER TABLE product
    ADD COLUMN in_stock BOOLEAN AS (available > 0) STORED,
    ADD KEY product_in_stock (status, in_stock, id),
    ADD KEY product_in_stock_category (status, in_stock, category, id);

-- +goose Down
ALTER TABLE product
    DROP KEY product_in_stock,
    DROP KEY product_in_stock_category,
    DROP COLUMN in_stock;
