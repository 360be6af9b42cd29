-- +goose Up
-- Message attributes besides the envelope, which filters of subscriptions read: a JSON
-- object, or NULL if there are none.
ALTER TABLE outbox ADD COLUMN attributes TEXT NULL;

-- +goose Down
ALTER TABLE outbox DROP COLUMN attributes;
