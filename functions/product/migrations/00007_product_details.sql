-- +goose Up
-- Further details of a product, as JSON: a list of image URLs and an object of
-- attributes. No query reads their contents.
ALTER TABLE product
    ADD COLUMN images     JSON NOT NULL DEFAULT ('[]'),
    ADD COLUMN attributes JSON NOT NULL DEFAULT ('{}');

-- +goose Down
ALTER TABLE product DROP COLUMN images, DROP COLUMN attributes;
