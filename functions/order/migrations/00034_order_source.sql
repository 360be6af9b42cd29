-- +goose Up
-- One row per source of orders that must be paid, which is locked by transactions that count
-- its unpaid orders.
CREATE TABLE order_source (
    id      BINARY(16)  NOT NULL PRIMARY KEY,
    used_at DATETIME(6) NOT NULL,
    KEY order_source_by_use (used_at)
);

-- +goose Down
DROP TABLE order_source;
