-- +goose Up
-- Notes of staff on accounts. The author is an account or an API key; author_id is NULL for an account that
-- was deleted.
CREATE TABLE user_note (
    user_id     BINARY(16)    NOT NULL,
    id          BINARY(16)    NOT NULL,
    body        VARCHAR(2000) NOT NULL,
    author_kind VARCHAR(16)   NOT NULL,
    author_id   BINARY(16)    NULL,
    author_role VARCHAR(64)   NOT NULL,
    version     BIGINT        NOT NULL,
    created_at  DATETIME(6)   NOT NULL,
    updated_at  DATETIME(6)   NOT NULL,
    PRIMARY KEY (user_id, id),
    KEY user_note_by_author (author_id),
    CONSTRAINT user_note_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE user_note;
