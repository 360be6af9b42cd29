-- +goose Up
-- The changes of a service's resources: who changed what, when and how. An id is a UUIDv7 of
-- changed_at. Each index ends with it, so that a list reads only the rows of its page.
CREATE TABLE trail (
    id            BINARY(16)   NOT NULL PRIMARY KEY,
    changed_at    DATETIME(6)  NOT NULL,
    operation     VARCHAR(64)  NOT NULL,
    resource      VARCHAR(32)  NOT NULL,
    resource_id   BINARY(16)   NOT NULL,
    resource_name VARCHAR(64)  NOT NULL,
    actor         VARCHAR(16)  NOT NULL,
    actor_id      BINARY(16)   NULL,
    actor_role    VARCHAR(64)  NOT NULL,
    changes       TEXT         NOT NULL,
    request_id    VARCHAR(128) NOT NULL,
    trace_id      VARCHAR(32)  NOT NULL,
    KEY trail_by_resource (resource_id, id),
    KEY trail_by_actor (actor_id, id),
    KEY trail_by_operation (operation, id)
);

-- +goose Down
DROP TABLE trail;
