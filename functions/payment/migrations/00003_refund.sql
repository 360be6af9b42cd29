-- +goose Up
-- refund is a pricing.Refund as JSON: what is refunded of each line and of shipping. It is NULL
-- for a refund that the shop has not requested, such as a lost dispute.
CREATE TABLE refund (
    id                 BINARY(16)   NOT NULL PRIMARY KEY,
    order_id           BINARY(16)   NOT NULL,
    state              VARCHAR(16)  NOT NULL,
    source             VARCHAR(16)  NOT NULL,
    amount             BIGINT       NOT NULL CHECK (amount > 0),
    refund             MEDIUMTEXT   NULL,
    restock            TINYINT      NOT NULL,
    reason             VARCHAR(200) NOT NULL,
    requested_by       BINARY(16)   NULL,
    provider_refund_id VARCHAR(255) NULL,
    failure            VARCHAR(100) NOT NULL,
    created_at         DATETIME(6)  NOT NULL,
    completed_at       DATETIME(6)  NULL,
    KEY refund_by_order (order_id, created_at)
);

-- +goose Down
DROP TABLE refund;
