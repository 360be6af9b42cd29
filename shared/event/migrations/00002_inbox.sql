-- +goose Up
CREATE TABLE inbox (
    consumer    VARCHAR(64) NOT NULL,
    event_id    BINARY(16)  NOT NULL,
    received_at DATETIME(6) NOT NULL,
    PRIMARY KEY (consumer, event_id),
    KEY inbox_by_time (received_at)
);

-- +goose Down
DROP TABLE inbox;
