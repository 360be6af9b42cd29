-- +goose Up
-- What a page shows of a product beside its texts, each as JSON: a list of image
-- URLs, and an object of attributes. Nothing looks into them here.
ALTER TABLE product
    ADD COLUMN images     JSON NOT NULL DEFAULT ('[]'),
    ADD COLUMN attributes JSON NOT NULL DEFAULT ('{}');

-- +goose Down
ALTER TABLE product DROP COLUMN images, DROP COLUMN attributes;
