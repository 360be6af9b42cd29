-- +goose Up
-- A request to an endpoint. status is that of the response, 0 without one; error is the class of the
-- error, empty for a success; response is the beginning of the body.
CREATE TABLE attempt (
    endpoint_id   BINARY(16)    NOT NULL,
    event_id      BINARY(16)    NOT NULL,
    number        INT           NOT NULL,
    attempted_at  DATETIME(6)   NOT NULL,
    milliseconds  INT           NOT NULL,
    status        INT           NOT NULL,
    error         VARCHAR(32)   NOT NULL,
    response      VARCHAR(1024) NOT NULL,
    PRIMARY KEY (endpoint_id, event_id, number),
    KEY attempt_by_age (attempted_at)
);

-- +goose Down
DROP TABLE attempt;
