-- +goose Up
-- A change that the provider is asked for. The idempotency key is its kind, id and generation; the
-- id is that of the event or the request that caused it. must_check is 1 while it may have had an
-- effect that is not known: the payment is then read before the operation is repeated.
CREATE TABLE operation (
    kind            VARCHAR(16)  NOT NULL,
    id              BINARY(16)   NOT NULL,
    order_id        BINARY(16)   NOT NULL,
    state           VARCHAR(16)  NOT NULL,
    amount          BIGINT       NOT NULL CHECK (amount >= 0),
    generation      INT          NOT NULL,
    attempts        INT          NOT NULL,
    must_check      TINYINT      NOT NULL,
    last_error      VARCHAR(16)  NOT NULL,
    last_code       VARCHAR(100) NOT NULL,
    sent_at         DATETIME(6)  NULL,
    created_at      DATETIME(6)  NOT NULL,
    updated_at      DATETIME(6)  NOT NULL,
    PRIMARY KEY (kind, id),
    KEY operation_by_order (order_id, created_at)
);

-- +goose Down
DROP TABLE operation;
