-- +goose Up
-- The shipments of orders. Orders that were shipped before this migration have none: all of their
-- units are shipped.
CREATE TABLE shipment (
    order_id        BINARY(16)    NOT NULL,
    id              BINARY(16)    NOT NULL,
    carrier         VARCHAR(100)  NULL,
    tracking_number VARCHAR(100)  NULL,
    tracking_url    VARCHAR(1000) NULL,
    created_at      DATETIME(6)   NOT NULL,
    PRIMARY KEY (order_id, id)
);

-- +goose Down
DROP TABLE shipment;
