-- +goose Up
-- The orders of a product, newest first: ids of orders grow with time.
ALTER TABLE reservation_item ADD KEY reservation_item_by_product (product_id, order_id);

-- +goose Down
ALTER TABLE reservation_item DROP KEY reservation_item_by_product;
