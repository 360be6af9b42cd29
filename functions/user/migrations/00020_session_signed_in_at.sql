-- +goose Up
-- The time of the login of the session's family. A session ends a fixed time after it,
-- however often it is refreshed. NULL in rows of older versions.
ALTER TABLE session ADD COLUMN signed_in_at DATETIME(6) NULL;

-- +goose Down
ALTER TABLE session DROP COLUMN signed_in_at;
