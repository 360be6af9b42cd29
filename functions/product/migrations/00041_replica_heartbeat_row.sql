-- +goose Up
INSERT IGNORE INTO replica_heartbeat (id, beaten_at, previous_at)
VALUES (1, '2000-01-01 00:00:00', '2000-01-01 00:00:00');

-- +goose Down
DELETE FROM replica_heartbeat;
