-- +goose Up
-- The words of active products: a row with in_name = 0 for each word, and a row with
-- in_name = 1 for each word of the name. The rows of a word can be read by product,
-- newest first. Words are normalized by words.go.
CREATE TABLE product_word (
    word       VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    in_name    BOOLEAN    NOT NULL,
    product_id BINARY(16) NOT NULL,
    PRIMARY KEY (word, in_name, product_id),
    KEY product_word_by_product (product_id)
);

-- +goose Down
DROP TABLE product_word;
