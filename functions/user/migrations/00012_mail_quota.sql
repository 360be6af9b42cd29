-- +goose Up
-- How much mail an address was sent that anybody can have sent. bucket is a hash of
-- the address and the kind of mail; each mail moves spent_until on.
CREATE TABLE mail_quota (
    bucket      BINARY(32)  NOT NULL PRIMARY KEY,
    spent_until DATETIME(6) NOT NULL,
    KEY mail_quota_by_spent_until (spent_until)
);

-- +goose Down
DROP TABLE mail_quota;
