-- +goose Up
-- The status partially_shipped has 17 characters.
ALTER TABLE order_history MODIFY status VARCHAR(32) NOT NULL;

-- +goose Down
ALTER TABLE order_history MODIFY status VARCHAR(16) NOT NULL;
