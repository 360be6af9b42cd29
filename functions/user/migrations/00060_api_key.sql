-- +goose Up
-- The shop's API keys, as staff sees them. What verifies a key is in api_key_replica. networks and
-- scopes are JSON arrays. created_by is an account; it is NULL if the account was deleted.
CREATE TABLE api_key (
    id              BINARY(16)   NOT NULL PRIMARY KEY,
    name            VARCHAR(100) NOT NULL,
    scopes          TEXT         NOT NULL,
    networks        TEXT         NOT NULL,
    rate_per_minute INT          NOT NULL,
    hint            VARCHAR(20)  NOT NULL,
    previous_until  DATETIME(6)  NULL,
    expires_at      DATETIME(6)  NULL,
    created_by      BINARY(16)   NULL,
    last_used_at    DATETIME(6)  NULL,
    rotated_at      DATETIME(6)  NOT NULL,
    version         BIGINT       NOT NULL,
    created_at      DATETIME(6)  NOT NULL,
    updated_at      DATETIME(6)  NOT NULL,
    KEY api_key_by_creator (created_by)
);

-- +goose Down
DROP TABLE api_key;
