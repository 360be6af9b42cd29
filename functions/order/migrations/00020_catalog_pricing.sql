-- +goose Up
-- On these fields of a product the tax, the shipping and the discounts of an order depend.
ALTER TABLE catalog
    ADD COLUMN category  VARCHAR(64) NOT NULL DEFAULT '',
    ADD COLUMN tax_class VARCHAR(32) NOT NULL DEFAULT '',
    ADD COLUMN weight    BIGINT      NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE catalog
    DROP COLUMN category,
    DROP COLUMN tax_class,
    DROP COLUMN weight;
