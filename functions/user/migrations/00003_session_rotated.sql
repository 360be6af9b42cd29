-- +goose Up
-- A refresh token that was spent stays until it expires, so that a second use of
-- it is seen for what it is.
ALTER TABLE session ADD COLUMN rotated_at DATETIME(6) NULL;

-- +goose Down
ALTER TABLE session DROP COLUMN rotated_at;
