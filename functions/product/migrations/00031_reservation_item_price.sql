-- +goose Up
-- The price at which the stock was reserved: a second record of the order's price.
-- NULL in rows of older versions.
ALTER TABLE reservation_item
    ADD COLUMN unit_price     BIGINT  NULL,
    ADD COLUMN price_currency CHAR(3) NULL;

-- +goose Down
ALTER TABLE reservation_item
    DROP COLUMN unit_price,
    DROP COLUMN price_currency;
