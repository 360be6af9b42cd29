-- +goose Up
-- The uses of discounts by orders that are neither cancelled nor rejected.
CREATE TABLE discount_use (
    order_id    BINARY(16) NOT NULL,
    discount_id BINARY(16) NOT NULL,
    customer_id BINARY(16) NOT NULL,
    PRIMARY KEY (order_id, discount_id),
    KEY discount_use_by_customer (customer_id, discount_id)
);

-- +goose Down
DROP TABLE discount_use;
