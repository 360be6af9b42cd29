-- +goose Up
-- Indexes for the orders of a list, with and without a category: each page is a range
-- of one index.
ALTER TABLE product
    ADD KEY product_by_price (status, price_amount, id),
    ADD KEY product_by_category_price (status, category, price_amount, id),
    ADD KEY product_by_name (status, name, id),
    ADD KEY product_by_category_name (status, category, name, id);

-- +goose Down
ALTER TABLE product
    DROP KEY product_by_price,
    DROP KEY product_by_category_price,
    DROP KEY product_by_name,
    DROP KEY product_by_category_name;
