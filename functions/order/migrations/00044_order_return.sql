-- +goose Up
-- The returns of orders. requested_by is the kind of the actor. refund and refund_shipping are what
-- the shop has decided on receipt.
CREATE TABLE order_return (
    order_id        BINARY(16)   NOT NULL,
    id              BINARY(16)   NOT NULL,
    status          VARCHAR(16)  NOT NULL,
    reason          VARCHAR(200) NOT NULL,
    requested_by    VARCHAR(16)  NOT NULL,
    refund          TINYINT      NOT NULL,
    refund_shipping TINYINT      NOT NULL,
    created_at      DATETIME(6)  NOT NULL,
    closed_at       DATETIME(6)  NULL,
    PRIMARY KEY (order_id, id)
);

-- +goose Down
DROP TABLE order_return;
