-- +goose Up
-- One row per customer, which is locked by transactions that depend on all orders of
-- the customer.
CREATE TABLE customer (
    user_id    BINARY(16)  NOT NULL PRIMARY KEY,
    deleted_at DATETIME(6) NULL
);

-- +goose Down
DROP TABLE customer;
