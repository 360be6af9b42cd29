-- +goose Up
-- Every change of stock other than by orders. For audits, the stock of a product is
-- the sum of its movements less the items that orders have reserved.
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
