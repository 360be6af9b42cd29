-- +goose Up
-- The status partially_shipped has 17 characters.
ALTER TABLE orders MODIFY status VARCHAR(32) NOT NULL;

-- +goose Down
ALTER TABLE orders MODIFY status VARCHAR(16) NOT NULL;
