-- +goose Up
-- Which words a product that is sold has: a row for each, in_name = 0, and another
-- one, in_name = 1, for each that is in its name. A word's rows are a list of
-- products that can be read newest first. Words are as words.go folds them.
CREATE TABLE product_word (
    word       VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    in_name    BOOLEAN    NOT NULL,
    product_id BINARY(16) NOT NULL,
    PRIMARY KEY (word, in_name, product_id),
    KEY product_word_by_product (product_id)
);

-- +goose Down
DROP TABLE product_word;
