-- +goose Up
-- An address that events are sent to. sealed_key and sealed_previous are encrypted keys of
-- signatures. next_at is when the next delivery is due, NULL if none is; failures is the number of
-- failed attempts in a row, and failing_since the first of them. Nothing is sent until paused_until.
-- A lease excludes other workers.
CREATE TABLE endpoint (
    id               BINARY(16)     NOT NULL PRIMARY KEY,
    url              VARCHAR(2048)  NOT NULL,
    description      VARCHAR(500)   NOT NULL,
    event_types      VARCHAR(2000)  NOT NULL,
    status           VARCHAR(16)    NOT NULL,
    disabled_reason  VARCHAR(16)    NOT NULL,
    sealed_key       VARBINARY(255) NOT NULL,
    sealed_previous  VARBINARY(255) NULL,
    previous_until   DATETIME(6)    NULL,
    version          BIGINT         NOT NULL,
    failures         INT            NOT NULL,
    failing_since    DATETIME(6)    NULL,
    next_at          DATETIME(6)    NULL,
    paused_until     DATETIME(6)    NULL,
    lease_id         BINARY(16)     NULL,
    leased_until     DATETIME(6)    NULL,
    subscribed_at    DATETIME(6)    NOT NULL,
    created_at       DATETIME(6)    NOT NULL,
    updated_at       DATETIME(6)    NOT NULL
);

-- +goose Down
DROP TABLE endpoint;
