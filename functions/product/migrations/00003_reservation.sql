-- +goose Up
-- The state of each order's reservation: reserved, rejected or released. An order
-- that was cancelled before it arrived has a released one, so that it reserves nothing.
CREATE TABLE reservation (
    order_id   BINARY(16)  NOT NULL PRIMARY KEY,
    state      VARCHAR(16) NOT NULL,
    updated_at DATETIME(6) NOT NULL
);

-- +goose Down
DROP TABLE reservation;
