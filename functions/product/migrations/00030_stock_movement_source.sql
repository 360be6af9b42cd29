-- +goose Up
-- What booked the movement: a hash of the request or of the line of an import. One
-- request books a product once, so a source that occurs twice is a double booking.
-- NULL in rows of the version before.
ALTER TABLE stock_movement ADD COLUMN source BINARY(32) NULL;

-- +goose Down
ALTER TABLE stock_movement DROP COLUMN source;
