-- +goose Up
-- InnoDB's full-text index reads all entries of each word with their positions, which
-- is too slow for frequent words. product_word replaces it.
ALTER TABLE product DROP KEY product_by_words;

-- +goose Down
ALTER TABLE product ADD FULLTEXT KEY product_by_words (name, description, category, sku);
