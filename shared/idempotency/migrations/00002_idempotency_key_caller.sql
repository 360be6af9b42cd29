-- +goose Up
-- Who sent the key, so that what is kept of a person can be erased: scope is a
-- hash that nobody can look up by. NULL is of before this column; such a row is
-- out of date after a day.
ALTER TABLE idempotency_key
    ADD COLUMN caller BINARY(16) NULL,
    ADD KEY idempotency_key_by_caller (caller);

-- +goose Down
ALTER TABLE idempotency_key
    DROP KEY idempotency_key_by_caller,
    DROP COLUMN caller;
