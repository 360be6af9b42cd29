-- +goose Up
-- The open orders of a customer, without reading those that have ended.
CREATE INDEX orders_by_user_status ON orders (user_id, status, id);

-- +goose Down
DROP INDEX orders_by_user_status ON orders;
