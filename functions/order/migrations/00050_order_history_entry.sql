-- +goose Up
-- What the trail has of a change, of rows that are entries of it: those of other rows are in the
-- table trail. entry_at is moved_at, and NULL in rows that are not entries, which the index thus
-- leaves out of a list by time.
ALTER TABLE order_history
    ADD COLUMN entry_at   DATETIME(6)  NULL,
    ADD COLUMN actor_kind VARCHAR(16)  NULL,
    ADD COLUMN operation  VARCHAR(64)  NULL,
    ADD COLUMN request_id VARCHAR(128) NULL,
    ADD COLUMN trace_id   VARCHAR(32)  NULL,
    ADD KEY order_history_by_entry (entry_at, order_id, version);

-- +goose Down
ALTER TABLE order_history
    DROP KEY order_history_by_entry,
    DROP COLUMN trace_id,
    DROP COLUMN request_id,
    DROP COLUMN operation,
    DROP COLUMN actor_kind,
    DROP COLUMN entry_at;
