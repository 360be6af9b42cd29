-- +goose Up
-- To find customers who were deleted longer ago than the retention.
CREATE INDEX customer_by_deletion ON customer (deleted_at);

-- +goose Down
DROP INDEX customer_by_deletion ON customer;
