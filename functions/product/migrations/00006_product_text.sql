-- +goose Up
-- The words of the catalogue. Stock is not among them: a sale leaves it alone.
ALTER TABLE product ADD FULLTEXT KEY product_by_words (name, description, category, sku);

-- +goose Down
ALTER TABLE product DROP KEY product_by_words;
