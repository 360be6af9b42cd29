-- +goose Up
-- A phone number in the form of E.164 and a VAT number, as the owner of the account has
-- entered them. Neither is verified.
ALTER TABLE user
    ADD COLUMN phone      VARCHAR(16) NOT NULL DEFAULT '',
    ADD COLUMN vat_number VARCHAR(20) NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE user
    DROP COLUMN phone,
    DROP COLUMN vat_number;
