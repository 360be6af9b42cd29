-- +goose Up
-- A spent refresh token is stored until it expires, so that its reuse is detected.
ALTER TABLE session ADD COLUMN rotated_at DATETIME(6) NULL;

-- +goose Down
ALTER TABLE session DROP COLUMN rotated_at;
