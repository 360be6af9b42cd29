-- +goose Up
-- How far tries to sign in have used up a limit. bucket is a hash of what is
-- limited; at full_at the whole quota is there again, and the row says no more
-- than a row that is missing.
CREATE TABLE login_limit (
    bucket  BINARY(32)  NOT NULL PRIMARY KEY,
    full_at DATETIME(6) NOT NULL,
    KEY login_limit_by_full_at (full_at)
);

-- +goose Down
DROP TABLE login_limit;
