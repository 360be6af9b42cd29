-- +goose Up
-- The state of limits of attempts to sign in. bucket is a hash of the limit's subject.
-- At full_at the quota is fully restored, and the row is equivalent to a missing one.
CREATE TABLE login_limit (
    bucket  BINARY(32)  NOT NULL PRIMARY KEY,
    full_at DATETIME(6) NOT NULL,
    KEY login_limit_by_full_at (full_at)
);

-- +goose Down
DROP TABLE login_limit;
