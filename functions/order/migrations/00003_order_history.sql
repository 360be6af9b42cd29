-- +goose Up
CREATE TABLE order_history (
    order_id BINARY(16)   NOT NULL,
    version  BIGINT       NOT NULL,
    status   VARCHAR(16)  NOT NULL,
    moved_at DATETIME(6)  NOT NULL,
    reason   VARCHAR(200) NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- +goose Down
DROP TABLE order_history;
