-- +goose Up
-- What came of each order: reserved, rejected, or released. A cancelled order
-- that never came has one too, so that it gets nothing when it does come.
CREATE TABLE reservation (
    order_id   BINARY(16)  NOT NULL PRIMARY KEY,
    state      VARCHAR(16) NOT NULL,
    updated_at DATETIME(6) NOT NULL
);

-- +goose Down
DROP TABLE reservation;
