-- +goose Up
-- How many of the reserved units are to be shipped. While the reservation is reserved, they are a part
-- of product.reserved. NULL in rows of older versions, which are not.
ALTER TABLE reservation_item ADD COLUMN unshipped BIGINT NULL;

-- +goose Down
ALTER TABLE reservation_item DROP COLUMN unshipped;
