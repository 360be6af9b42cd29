-- +goose Up
-- The SKU of a product, '' until the next change of a product that was copied by an older version.
ALTER TABLE catalog ADD COLUMN sku VARCHAR(64) NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE catalog DROP COLUMN sku;
