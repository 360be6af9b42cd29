-- +goose Up
-- The customers whose accounts were deleted. Events about them may be delivered after user-deleted.
CREATE TABLE deleted_customer (
    user_id    BINARY(16)  NOT NULL PRIMARY KEY,
    deleted_at DATETIME(6) NOT NULL,
    KEY deleted_customer_by_age (deleted_at)
);

-- +goose Down
DROP TABLE deleted_customer;
