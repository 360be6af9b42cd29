-- +goose Up
-- To find the customers whose deletion is long past, and forget them.
CREATE INDEX customer_by_deletion ON customer (deleted_at);

-- +goose Down
DROP INDEX customer_by_deletion ON customer;
