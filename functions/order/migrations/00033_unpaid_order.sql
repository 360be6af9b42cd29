-- +goose Up
-- The sources of orders that must be paid, for limits of unpaid orders: the customer and the
-- network of the client. Rows are deleted when the orders are paid or expired for certain.
CREATE TABLE unpaid_order (
    source    BINARY(16)  NOT NULL,
    order_id  BINARY(16)  NOT NULL,
    placed_at DATETIME(6) NOT NULL,
    PRIMARY KEY (source, order_id),
    KEY unpaid_order_by_age (placed_at)
);

-- +goose Down
DROP TABLE unpaid_order;
