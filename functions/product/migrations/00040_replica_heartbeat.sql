-- +goose Up
-- When a reader of the replica last wrote here, and the time before that: what the
-- replica has of it shows how far it is behind (shared/database/heartbeat.go).
CREATE TABLE replica_heartbeat (
    id          INT         NOT NULL PRIMARY KEY,
    beaten_at   DATETIME(6) NOT NULL,
    previous_at DATETIME(6) NOT NULL
);

-- +goose Down
DROP TABLE replica_heartbeat;
