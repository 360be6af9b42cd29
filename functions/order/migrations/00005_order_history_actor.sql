-- +goose Up
ALTER TABLE order_history
    ADD COLUMN actor    VARCHAR(16) NOT NULL DEFAULT 'system',
    ADD COLUMN actor_id BINARY(16)  NULL;

-- +goose Down
ALTER TABLE order_history
    DROP COLUMN actor,
    DROP COLUMN actor_id;
