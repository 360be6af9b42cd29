-- +goose Up
-- Hashes of the tokens that were mailed to an address to confirm it. A token confirms
-- the latest registration of its address, for whichever registration it was mailed.
CREATE TABLE email_confirmation (
    token_hash BINARY(32)   NOT NULL PRIMARY KEY,
    email_key  VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    expires_at DATETIME(6)  NOT NULL,
    KEY email_confirmation_by_email (email_key),
    KEY email_confirmation_by_expiry (expires_at)
);

-- +goose Down
DROP TABLE email_confirmation;
