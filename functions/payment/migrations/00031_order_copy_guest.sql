-- +goose Up
-- Until when the personal data of a guest is stored; NULL for an order of an account.
ALTER TABLE order_copy
    ADD COLUMN guest_until DATETIME(6) NULL,
    ADD KEY order_copy_by_guest (guest_until);

-- +goose Down
ALTER TABLE order_copy
    DROP KEY order_copy_by_guest,
    DROP COLUMN guest_until;
