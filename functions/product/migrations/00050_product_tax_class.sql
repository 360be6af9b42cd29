-- +goose Up
ALTER TABLE product
    ADD COLUMN tax_class VARCHAR(32) NOT NULL DEFAULT '',
    ADD COLUMN weight    BIGINT      NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE product
    DROP COLUMN tax_class,
    DROP COLUMN weight;
