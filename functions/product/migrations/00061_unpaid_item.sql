-- +goose Up
-- The units that are reserved for orders that are not paid, by where the order comes from: by the id
-- of its customer and by that of its network. A row is deleted when its order is paid or cancelled.
CREATE TABLE unpaid_item (
    order_id    BINARY(16)  NOT NULL,
    product_id  BINARY(16)  NOT NULL,
    source      BINARY(16)  NOT NULL,
    quantity    BIGINT      NOT NULL CHECK (quantity > 0),
    reserved_at DATETIME(6) NOT NULL,
    PRIMARY KEY (order_id, product_id, source),
    KEY unpaid_item_by_source (source, product_id, quantity),
    KEY unpaid_item_by_age (reserved_at)
);

-- +goose Down
DROP TABLE unpaid_item;
