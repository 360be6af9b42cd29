-- +goose Up
-- The quote of 50 items with 110 discounts, whose names have 200 characters, is larger than TEXT.
ALTER TABLE orders MODIFY quote MEDIUMTEXT NULL;

-- +goose Down
ALTER TABLE orders MODIFY quote TEXT NULL;
