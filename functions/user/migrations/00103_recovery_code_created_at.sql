-- +goose Up
-- When the code was created, so that a reverted change of the e-mail address deletes those that were
-- created since. NULL in rows of releases before, which are older.
ALTER TABLE recovery_code
    ADD COLUMN created_at DATETIME(6) NULL;

-- +goose Down
ALTER TABLE recovery_code
    DROP COLUMN created_at;
