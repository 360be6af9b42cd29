-- +goose Up
-- sku is the product's when the order was placed, '' in rows of older versions. The index has the
-- orders of a product.
ALTER TABLE order_item
    ADD COLUMN sku VARCHAR(64) NOT NULL DEFAULT '',
    ADD KEY order_item_by_product (product_id, order_id);

-- +goose Down
ALTER TABLE order_item
    DROP KEY order_item_by_product,
    DROP COLUMN sku;
