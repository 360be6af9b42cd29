-- +goose Up
-- Claim, effect and response are one transaction (docs/adr/0023). claim, lease_until
-- and effected_at are written only by the version before that; the defaults are of
-- a lease that has ended. The columns stay as long as such rows may exist.
ALTER TABLE idempotency_key
    MODIFY claim BINARY(16) NOT NULL DEFAULT '',
    MODIFY lease_until DATETIME(6) NOT NULL DEFAULT '2000-01-01 00:00:00';

-- +goose Down
ALTER TABLE idempotency_key
    MODIFY claim BINARY(16) NOT NULL,
    MODIFY lease_until DATETIME(6) NOT NULL;
