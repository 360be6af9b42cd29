-- +goose Up
-- mailbox is an id of the account's e-mail address, as in guest_order. It is NULL for accounts that were
-- confirmed before this migration, and for deleted ones.
ALTER TABLE customer
    ADD COLUMN mailbox BINARY(16) NULL,
    ADD KEY customer_by_mailbox (mailbox);

-- +goose Down
ALTER TABLE customer
    DROP KEY customer_by_mailbox,
    DROP COLUMN mailbox;
