-- +goose Up
-- Orders that were placed before: the default of GUEST_RETENTION. Only those of guests have an e-mail
-- address.
UPDATE order_copy SET guest_until = placed_at + INTERVAL 26280 HOUR WHERE email IS NOT NULL AND guest_until IS NULL;

-- +goose Down
UPDATE order_copy SET guest_until = NULL;
