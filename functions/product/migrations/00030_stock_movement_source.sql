-- +goose Up
-- The source of the movement: a hash of the request or of the line of an import. A
-- request changes a product's stock once, so a source that occurs twice is an error.
-- NULL in rows of older versions.
ALTER TABLE stock_movement ADD COLUMN source BINARY(32) NULL;

-- +goose Down
ALTER TABLE stock_movement DROP COLUMN source;
