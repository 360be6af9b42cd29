-- +goose Up
-- The units of an item of an order in a return: those that the customer announced, and those that
-- have arrived. line is that of order_item.
CREATE TABLE order_return_item (
    order_id  BINARY(16) NOT NULL,
    return_id BINARY(16) NOT NULL,
    line      INT        NOT NULL,
    quantity  BIGINT     NOT NULL CHECK (quantity > 0),
    received  BIGINT     NOT NULL CHECK (received >= 0),
    restock   TINYINT    NOT NULL,
    PRIMARY KEY (order_id, return_id, line)
);

-- +goose Down
DROP TABLE order_return_item;
