-- +goose Up
-- The first five columns are Debezium's outbox table, so that change data
-- capture can take over from the functions that publish it now.
CREATE TABLE outbox (
    id            BINARY(16)   NOT NULL PRIMARY KEY,
    aggregatetype VARCHAR(64)  NOT NULL,
    aggregateid   VARCHAR(64)  NOT NULL,
    type          VARCHAR(64)  NOT NULL,
    payload       LONGTEXT     NOT NULL,
    traceparent   VARCHAR(64)  NOT NULL,
    created_at    DATETIME(6)  NOT NULL,
    published_at  DATETIME(6)  NULL,
    KEY outbox_by_publication (published_at, created_at)
);

-- +goose Down
DROP TABLE outbox;
