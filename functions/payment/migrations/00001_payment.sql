-- +goose Up
-- One row for each order that is to be paid. next_at is when payment-reconcile continues with it,
-- NULL if there is nothing to do. A claim excludes other requests to the provider about it.
CREATE TABLE payment (
    order_id            BINARY(16)    NOT NULL PRIMARY KEY,
    user_id             BINARY(16)    NOT NULL,
    provider            VARCHAR(32)   NOT NULL,
    provider_payment_id VARCHAR(255)  NULL,
    provider_version    BIGINT        NOT NULL,
    state               VARCHAR(24)   NOT NULL,
    version             BIGINT        NOT NULL,
    amount              BIGINT        NOT NULL CHECK (amount >= 0),
    currency            CHAR(3)       NOT NULL,
    capture_mode        VARCHAR(16)   NOT NULL,
    captured            BIGINT        NOT NULL CHECK (captured >= 0),
    refunded            BIGINT        NOT NULL CHECK (refunded >= 0),
    capture_cause       BINARY(16)    NULL,
    cancel_cause        BINARY(16)    NULL,
    cancel_source       VARCHAR(16)   NOT NULL,
    failure             VARCHAR(100)  NOT NULL,
    declines            INT           NOT NULL,
    page_url            VARCHAR(2048) NOT NULL,
    needs_read          TINYINT       NOT NULL,
    claim_id            BINARY(16)    NULL,
    claimed_until       DATETIME(6)   NULL,
    next_at             DATETIME(6)   NULL,
    authorized_at       DATETIME(6)   NULL,
    expires_at          DATETIME(6)   NULL,
    created_at          DATETIME(6)   NOT NULL,
    updated_at          DATETIME(6)   NOT NULL,
    CONSTRAINT payment_refunded CHECK (refunded <= captured),
    UNIQUE KEY payment_by_provider (provider, provider_payment_id),
    KEY payment_by_next (next_at),
    KEY payment_by_user (user_id, created_at)
);

-- +goose Down
DROP TABLE payment;
