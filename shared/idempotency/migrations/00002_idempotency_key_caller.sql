-- +goose Up
-- The sender of the key, so that a person's data can be deleted: scope is a
-- hash that cannot be searched by caller. NULL is from before this column; such a row is
-- expired after a day.
ALTER TABLE idempotency_key
    ADD COLUMN caller BINARY(16) NULL,
    ADD KEY idempotency_key_by_caller (caller);

-- +goose Down
ALTER TABLE idempotency_key
    DROP KEY idempotency_key_by_caller,
    DROP COLUMN caller;
