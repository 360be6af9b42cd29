-- +goose Up
-- A row for each word by which an order is found: of the names and SKUs of its products and, if it is
-- personal, of the names of persons in it. Personal words are deleted with the order's personal data.
CREATE TABLE order_word (
    word     VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    order_id BINARY(16)  NOT NULL,
    personal TINYINT     NOT NULL,
    PRIMARY KEY (word, order_id),
    KEY order_word_by_order (order_id, personal)
);

-- +goose Down
DROP TABLE order_word;
