-- +goose Up
-- Checkouts, until they expire. user_id is the account's or, of a guest, the checkout's own id.
-- content is JSON: items, person, addresses, shipping method, discount codes.
CREATE TABLE checkout (
    id         BINARY(16)  NOT NULL PRIMARY KEY,
    user_id    BINARY(16)  NOT NULL,
    content    MEDIUMTEXT  NOT NULL,
    order_id   BINARY(16)  NULL,
    version    BIGINT      NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    KEY checkout_by_user (user_id),
    KEY checkout_by_expiry (expires_at)
);

-- +goose Down
DROP TABLE checkout;
