-- +goose Up
-- Whether the stock is low, so that a list of these products reads no others: a sale changes the
-- key only when it crosses the threshold. The keys with prices count the products in stock of a
-- price range and of a category. low_stock is stored for the reason that in_stock is.
ALTER TABLE product
    ADD COLUMN low_stock BOOLEAN AS (available <= low_stock_at) STORED,
    ADD KEY product_low_stock (status, low_stock, id DESC),
    ADD KEY product_in_stock_price (status, in_stock, price_amount),
    ADD KEY product_in_stock_category_price (status, in_stock, category, price_amount);

-- +goose Down
ALTER TABLE product
    DROP KEY product_low_stock,
    DROP KEY product_in_stock_price,
    DROP KEY product_in_stock_category_price,
    DROP COLUMN low_stock;
