-- +goose Up
CREATE TABLE orders (
    id               BINARY(16)  NOT NULL PRIMARY KEY,
    user_id          BINARY(16)  NOT NULL,
    status           VARCHAR(16) NOT NULL,
    total_amount     BIGINT      NOT NULL CHECK (total_amount >= 0),
    total_currency   CHAR(3)     NOT NULL,
    shipping_address TEXT        NULL,
    version          BIGINT      NOT NULL,
    created_at       DATETIME(6) NOT NULL,
    updated_at       DATETIME(6) NOT NULL,
    KEY orders_by_user (user_id, id),
    KEY orders_by_status (status, id)
);

-- +goose Down
DROP TABLE orders;
