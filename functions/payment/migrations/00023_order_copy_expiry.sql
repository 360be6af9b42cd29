-- +goose Up
-- The copy of an order that is never paid is deleted at expires_at, which is NULL after its
-- invoice was issued.
ALTER TABLE order_copy
    ADD COLUMN expires_at DATETIME(6) NULL,
    ADD KEY order_copy_by_expiry (expires_at);

-- +goose Down
ALTER TABLE order_copy
    DROP KEY order_copy_by_expiry,
    DROP COLUMN expires_at;
