-- +goose Up
-- How many units of the product are reserved for orders and not shipped yet: they are still in the
-- warehouse, as the available ones are. It changes in the statements that change what is available.
-- Orders from before this migration are not counted.
-- It has no CHECK: MySQL copies the table to add one, and writes wait for that. The audit finds a
-- negative number.
ALTER TABLE product ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE product DROP COLUMN reserved;
