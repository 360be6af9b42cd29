-- +goose Up
-- Every booking of stock that no order made. A product's stock is the sum of its
-- movements less what orders have reserved: an auditor can add it up.
CREATE TABLE stock_movement (
    id         BINARY(16)   NOT NULL PRIMARY KEY,
    product_id BINARY(16)   NOT NULL,
    delta      BIGINT       NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    moved_by   BINARY(16)   NOT NULL,
    moved_at   DATETIME(6)  NOT NULL,
    KEY stock_movement_by_product (product_id, id)
);

-- +goose Down
DROP TABLE stock_movement;
