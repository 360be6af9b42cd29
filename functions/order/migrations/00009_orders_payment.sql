-- +goose Up
-- Whether an order waits for payment. Orders of before do not, and so are exempt from
-- the audit of money.
ALTER TABLE orders ADD COLUMN payment VARCHAR(16) NOT NULL DEFAULT 'none';

-- +goose Down
ALTER TABLE orders DROP COLUMN payment;
