-- +goose Up
-- phone is a number of E.164, a plus and at most 15 digits.
ALTER TABLE address
    ADD COLUMN company VARCHAR(200) NOT NULL DEFAULT '',
    ADD COLUMN region  VARCHAR(100) NOT NULL DEFAULT '',
    ADD COLUMN phone   VARCHAR(16)  NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE address
    DROP COLUMN company,
    DROP COLUMN region,
    DROP COLUMN phone;
