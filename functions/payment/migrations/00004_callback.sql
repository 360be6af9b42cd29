-- +goose Up
-- Verified callbacks, by the provider's id of the event. order_id is NULL if no payment of the
-- service has the id, such as before the response to its creation.
CREATE TABLE callback (
    provider            VARCHAR(32)  NOT NULL,
    event_id            VARCHAR(255) NOT NULL,
    type                VARCHAR(100) NOT NULL,
    provider_payment_id VARCHAR(255) NOT NULL,
    order_id            BINARY(16)   NULL,
    received_at         DATETIME(6)  NOT NULL,
    PRIMARY KEY (provider, event_id),
    KEY callback_by_payment (provider, provider_payment_id),
    KEY callback_by_receipt (received_at)
);

-- +goose Down
DROP TABLE callback;
