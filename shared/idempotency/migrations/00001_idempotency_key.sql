-- +goose Up
-- One row a key that a client sent. scope is a hash of who sent it and where to,
-- payload one of what was sent. claim is the attempt that the row belongs to;
-- until lease_until no other attempt may begin. effected_at is written by the
-- transaction of the effect, status and what follows when the response is known.
CREATE TABLE idempotency_key (
    scope       BINARY(32)  NOT NULL PRIMARY KEY,
    payload     BINARY(32)  NOT NULL,
    claim       BINARY(16)  NOT NULL,
    lease_until DATETIME(6) NOT NULL,
    effected_at DATETIME(6) NULL,
    status      SMALLINT    NULL,
    header      TEXT        NULL,
    body        MEDIUMBLOB  NULL,
    expires_at  DATETIME(6) NOT NULL,
    KEY idempotency_key_by_expiry (expires_at)
);

-- +goose Down
DROP TABLE idempotency_key;
