-- +goose Up
-- The units of an item of an order in a shipment. line is that of order_item.
CREATE TABLE shipment_item (
    order_id    BINARY(16) NOT NULL,
    shipment_id BINARY(16) NOT NULL,
    line        INT        NOT NULL,
    quantity    BIGINT     NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, shipment_id, line)
);

-- +goose Down
DROP TABLE shipment_item;
