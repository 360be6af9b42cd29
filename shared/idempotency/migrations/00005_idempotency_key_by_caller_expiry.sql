-- +goose Up
-- The keys of a caller by age: the oldest are deleted when there are too many.
ALTER TABLE idempotency_key
    ADD KEY idempotency_key_by_caller_expiry (caller, expires_at),
    DROP KEY idempotency_key_by_caller;

-- +goose Down
ALTER TABLE idempotency_key
    ADD KEY idempotency_key_by_caller (caller),
    DROP KEY idempotency_key_by_caller_expiry;
