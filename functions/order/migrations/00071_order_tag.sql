-- +goose Up
-- A row for each tag of an order, in the form in which tags are compared, by which the order is found.
CREATE TABLE order_tag (
    tag      VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    order_id BINARY(16)   NOT NULL,
    PRIMARY KEY (tag, order_id)
);

-- +goose Down
DROP TABLE order_tag;
