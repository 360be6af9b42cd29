-- +goose Up
-- The quotas of mails that anyone can request for an address. bucket is a hash of the
-- address and the kind of mail; each mail advances spent_until.
CREATE TABLE mail_quota (
    bucket      BINARY(32)  NOT NULL PRIMARY KEY,
    spent_until DATETIME(6) NOT NULL,
    KEY mail_quota_by_spent_until (spent_until)
);

-- +goose Down
DROP TABLE mail_quota;
