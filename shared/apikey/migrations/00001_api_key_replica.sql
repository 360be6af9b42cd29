-- +goose Up
-- What this service knows of the shop's API keys: the state of each since a version, as the event
-- api-key-changed has it. secret_grant is JSON: hashes of the secrets, scopes, expiry, networks and
-- rate. It is empty if the key is revoked: such a row remains, so that an earlier event, which is
-- delivered late, does not restore the key. Instances read all keys every few seconds.
CREATE TABLE api_key_replica (
    key_id       BINARY(16)  NOT NULL PRIMARY KEY,
    version      BIGINT      NOT NULL,
    revoked      BOOLEAN     NOT NULL,
    secret_grant TEXT        NOT NULL,
    stored_at    DATETIME(6) NOT NULL,
    KEY api_key_replica_by_state (revoked, stored_at)
);

-- +goose Down
DROP TABLE api_key_replica;
