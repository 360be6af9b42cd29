-- +goose Up
-- The person who ordered, as entered: for orders without an account, and for invoices.
ALTER TABLE orders
    ADD COLUMN email           VARCHAR(254) NULL,
    ADD COLUMN contact_name    VARCHAR(200) NULL,
    ADD COLUMN billing_address TEXT         NULL;

-- +goose Down
ALTER TABLE orders
    DROP COLUMN email,
    DROP COLUMN contact_name,
    DROP COLUMN billing_address;
