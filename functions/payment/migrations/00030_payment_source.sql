-- +goose Up
-- Where a payment comes from, by ids: the customer (an account, or a hash of the e-mail address of a
-- guest) and the network of the client. Declined cards of each are counted for an hour.
CREATE TABLE payment_source (
    order_id   BINARY(16)  NOT NULL,
    kind       VARCHAR(16) NOT NULL,
    source     BINARY(16)  NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (order_id, kind),
    KEY payment_source_by_source (source, created_at, order_id),
    KEY payment_source_by_age (created_at)
);

-- +goose Down
DROP TABLE payment_source;
