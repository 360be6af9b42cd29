-- +goose Up
CREATE TABLE reservation_item (
    order_id   BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    quantity   BIGINT     NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
);

-- +goose Down
DROP TABLE reservation_item;
