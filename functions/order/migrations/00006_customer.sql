-- +goose Up
-- One row a customer, to lock: whatever depends on all orders of a customer
-- happens one after the other.
CREATE TABLE customer (
    user_id    BINARY(16)  NOT NULL PRIMARY KEY,
    deleted_at DATETIME(6) NULL
);

-- +goose Down
DROP TABLE customer;
