-- +goose Up
-- The stock of a product is low when at most this many units are available. NULL: never.
ALTER TABLE product ADD COLUMN low_stock_at BIGINT NULL;

-- +goose Down
ALTER TABLE product DROP COLUMN low_stock_at;
