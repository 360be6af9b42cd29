-- +goose Up
-- Notes of staff on orders, deleted with the order's personal data. The author is an account or an API
-- key; author_id is NULL for an account that was deleted.
CREATE TABLE order_note (
    order_id    BINARY(16)    NOT NULL,
    id          BINARY(16)    NOT NULL,
    body        VARCHAR(2000) NOT NULL,
    author_kind VARCHAR(16)   NOT NULL,
    author_id   BINARY(16)    NULL,
    author_role VARCHAR(64)   NOT NULL,
    version     BIGINT        NOT NULL,
    created_at  DATETIME(6)   NOT NULL,
    updated_at  DATETIME(6)   NOT NULL,
    PRIMARY KEY (order_id, id),
    KEY order_note_by_author (author_id)
);

-- +goose Down
DROP TABLE order_note;
