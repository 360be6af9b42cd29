-- +goose Up
-- The rules of a discount with 200 categories and 200 products can be larger than TEXT: JSON has six
-- bytes for some characters.
ALTER TABLE discount MODIFY rules MEDIUMTEXT NOT NULL;

-- +goose Down
ALTER TABLE discount MODIFY rules TEXT NOT NULL;
