-- +goose Up
-- reported_at is when the provider has reported a change that is not applied yet, and confirmed_at
-- when the order was confirmed. match_at is when payment-reconcile compares a payment with its
-- order, NULL while they agree. Payments from before are not compared.
ALTER TABLE payment
    ADD COLUMN reported_at DATETIME(6) NULL,
    ADD COLUMN confirmed_at DATETIME(6) NULL,
    ADD COLUMN match_at DATETIME(6) NULL,
    ADD KEY payment_by_match (match_at);

-- +goose Down
ALTER TABLE payment
    DROP KEY payment_by_match,
    DROP COLUMN match_at,
    DROP COLUMN confirmed_at,
    DROP COLUMN reported_at;
