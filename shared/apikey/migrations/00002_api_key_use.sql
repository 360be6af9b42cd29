-- +goose Up
-- The requests with an API key to this service: full_at is when the key's bucket of requests is
-- full again, used_at the hour of the last request, and reported whether the event api-key-used has
-- that hour.
CREATE TABLE api_key_use (
    key_id   BINARY(16)  NOT NULL PRIMARY KEY,
    full_at  DATETIME(6) NOT NULL,
    used_at  DATETIME(6) NOT NULL,
    reported BOOLEAN     NOT NULL,
    KEY api_key_use_by_reported (reported),
    KEY api_key_use_by_time (used_at)
);

-- +goose Down
DROP TABLE api_key_use;
