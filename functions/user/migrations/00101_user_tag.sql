-- +goose Up
-- A row for each tag of an account, in the form in which tags are compared, by which the account is found.
CREATE TABLE user_tag (
    tag     VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id BINARY(16)   NOT NULL,
    PRIMARY KEY (tag, user_id),
    KEY user_tag_by_user (user_id),
    CONSTRAINT user_tag_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE user_tag;
