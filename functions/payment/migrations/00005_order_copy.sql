-- +goose Up
-- The service's own copy of what was ordered, for refunds and invoices. quote is a pricing.Quote,
-- items are those of order-placed, and addresses are address.PostalAddress, all as JSON.
CREATE TABLE order_copy (
    order_id         BINARY(16)   NOT NULL PRIMARY KEY,
    user_id          BINARY(16)   NOT NULL,
    total            BIGINT       NOT NULL CHECK (total >= 0),
    currency         CHAR(3)      NOT NULL,
    quote            MEDIUMTEXT   NULL,
    items            MEDIUMTEXT   NOT NULL,
    email            VARCHAR(320) NULL,
    name             VARCHAR(200) NULL,
    billing_address  TEXT         NULL,
    shipping_address TEXT         NULL,
    placed_at        DATETIME(6)  NOT NULL,
    KEY order_copy_by_user (user_id)
);

-- +goose Down
DROP TABLE order_copy;
