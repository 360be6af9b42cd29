-- +goose Up
-- The full-text index of the catalogue. It does not contain the stock, so that a sale
-- does not change it.
ALTER TABLE product ADD FULLTEXT KEY product_by_words (name, description, category, sku);

-- +goose Down
ALTER TABLE product DROP KEY product_by_words;
