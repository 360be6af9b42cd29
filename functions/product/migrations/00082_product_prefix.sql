-- +goose Up
-- The beginnings of the words of the names, categories and SKUs of active products, for searches
-- whose last word is not complete: a row with in_name = 0 for each, and a row with in_name = 1 for
-- each of the name. A beginning that is a complete word of the product is in product_word alone,
-- so that a search of both tables finds each product once.
CREATE TABLE product_prefix (
    word       VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    in_name    BOOLEAN    NOT NULL,
    product_id BINARY(16) NOT NULL,
    PRIMARY KEY (word, in_name, product_id),
    KEY product_prefix_by_product (product_id)
);

-- +goose Down
DROP TABLE product_prefix;
