-- +goose Up
-- To read the open orders of a customer without the closed ones.
CREATE INDEX orders_by_user_status ON orders (user_id, status, id);

-- +goose Down
DROP INDEX orders_by_user_status ON orders;
