-- +goose Up
-- Counts the times that all access tokens of the user were revoked (docs/adr/0025). A
-- token carries the version that it was signed with.
ALTER TABLE user
    ADD COLUMN rights_version BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE user
    DROP COLUMN rights_version;
