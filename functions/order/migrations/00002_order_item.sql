-- +goose Up
CREATE TABLE order_item (
    order_id   BINARY(16)   NOT NULL,
    line       INT          NOT NULL,
    product_id BINARY(16)   NOT NULL,
    name       VARCHAR(200) NOT NULL,
    unit_price BIGINT       NOT NULL,
    quantity   BIGINT       NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, line)
);

-- +goose Down
DROP TABLE order_item;
