-- +goose Up
-- This service's own copy of names and prices, so that placing an order depends on
-- no other service.
CREATE TABLE catalog (
    product_id     BINARY(16)   NOT NULL PRIMARY KEY,
    name           VARCHAR(200) NOT NULL,
    price_amount   BIGINT       NOT NULL,
    price_currency CHAR(3)      NOT NULL,
    status         VARCHAR(16)  NOT NULL,
    version        BIGINT       NOT NULL
);

-- +goose Down
DROP TABLE catalog;
