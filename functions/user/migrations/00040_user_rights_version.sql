-- +goose Up
-- The number of times that all access tokens of the user were revoked (docs/adr/0025). A
-- token contains the version with which it was signed.
ALTER TABLE user
    ADD COLUMN rights_version BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE user
    DROP COLUMN rights_version;
