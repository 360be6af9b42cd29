-- +goose Up
-- An event that is sent to an endpoint. Those of one resource are sent in the order of sort_key: the
-- time at which the event occurred, and its id. next_at is when the first of them that is pending is
-- attempted; the others wait for it and have none.
CREATE TABLE delivery (
    endpoint_id  BINARY(16)  NOT NULL,
    event_id     BINARY(16)  NOT NULL,
    resource_id  BINARY(16)  NOT NULL,
    sort_key     BINARY(24)  NOT NULL,
    type         VARCHAR(64) NOT NULL,
    payload      TEXT        NOT NULL,
    state        VARCHAR(16) NOT NULL,
    attempts     INT         NOT NULL,
    next_at      DATETIME(6) NULL,
    expires_at   DATETIME(6) NOT NULL,
    created_at   DATETIME(6) NOT NULL,
    updated_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (endpoint_id, event_id),
    KEY delivery_by_next (endpoint_id, next_at),
    KEY delivery_by_resource (endpoint_id, state, resource_id, sort_key),
    KEY delivery_by_order (endpoint_id, sort_key),
    KEY delivery_by_state (endpoint_id, state, sort_key),
    KEY delivery_by_expiry (state, expires_at),
    KEY delivery_by_age (created_at)
);

-- +goose Down
DROP TABLE delivery;
