-- +goose Up
-- The price that the stock was taken at: a second record of what the order was placed
-- at. NULL in rows of the version before.
ALTER TABLE reservation_item
    ADD COLUMN unit_price     BIGINT  NULL,
    ADD COLUMN price_currency CHAR(3) NULL;

-- +goose Down
ALTER TABLE reservation_item
    DROP COLUMN unit_price,
    DROP COLUMN price_currency;
