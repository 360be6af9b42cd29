-- +goose Up
-- A row for each word of the name of an account.
CREATE TABLE user_word (
    word    VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id BINARY(16)  NOT NULL,
    PRIMARY KEY (word, user_id),
    KEY user_word_by_user (user_id),
    CONSTRAINT user_word_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE user_word;
