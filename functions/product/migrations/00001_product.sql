-- +goose Up
CREATE TABLE product (
    id             BINARY(16)    NOT NULL PRIMARY KEY,
    sku            VARCHAR(64)   NOT NULL,
    name           VARCHAR(200)  NOT NULL,
    description    TEXT          NOT NULL,
    category       VARCHAR(64)   NOT NULL,
    price_amount   BIGINT        NOT NULL CHECK (price_amount >= 0),
    price_currency CHAR(3)       NOT NULL,
    available      BIGINT        NOT NULL CHECK (available >= 0),
    status         VARCHAR(16)   NOT NULL,
    version        BIGINT        NOT NULL,
    created_at     DATETIME(6)   NOT NULL,
    updated_at     DATETIME(6)   NOT NULL,
    UNIQUE KEY product_by_sku (sku),
    KEY product_by_status (status, id),
    KEY product_by_category (status, category, id)
);

-- +goose Down
DROP TABLE product;
