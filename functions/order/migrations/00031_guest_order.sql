-- +goose Up
-- The orders of guests, as long as they belong to no account. mailbox is an id of the e-mail
-- address. A table of its own costs orders of accounts nothing.
CREATE TABLE guest_order (
    order_id  BINARY(16)  NOT NULL PRIMARY KEY,
    mailbox   BINARY(16)  NOT NULL,
    placed_at DATETIME(6) NOT NULL,
    KEY guest_order_by_mailbox (mailbox, order_id),
    KEY guest_order_by_age (placed_at)
);

-- +goose Down
DROP TABLE guest_order;
