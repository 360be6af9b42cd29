-- +goose Up
-- The state of limits of networks without an account: name is that of the limit, and network a hash. At
-- full_at the quota is fully restored, and the row is equivalent to a missing one.
CREATE TABLE network_limit (
    name    VARCHAR(32) NOT NULL,
    network BINARY(16)  NOT NULL,
    full_at DATETIME(6) NOT NULL,
    PRIMARY KEY (name, network),
    KEY network_limit_by_full_at (full_at)
);

-- +goose Down
DROP TABLE network_limit;
