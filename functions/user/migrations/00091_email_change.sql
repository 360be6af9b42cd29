-- +goose Up
-- A change of the e-mail address of an account. token_hash is the hash of the token in the
-- mail to the new address, and revert_hash of that in the notice to the old one, after these
-- mails were sent. confirmed_at is NULL until the change is confirmed; a confirmed change can
-- be reverted until expires_at.
CREATE TABLE email_change (
    id           BINARY(16)   NOT NULL PRIMARY KEY,
    user_id      BINARY(16)   NOT NULL,
    old_email    VARCHAR(254) NOT NULL,
    new_email    VARCHAR(254) NOT NULL,
    token_hash   BINARY(32)   NULL,
    revert_hash  BINARY(32)   NULL,
    created_at   DATETIME(6)  NOT NULL,
    confirmed_at DATETIME(6)  NULL,
    expires_at   DATETIME(6)  NOT NULL,
    UNIQUE KEY email_change_by_token_hash (token_hash),
    UNIQUE KEY email_change_by_revert_hash (revert_hash),
    KEY email_change_by_user (user_id, created_at),
    KEY email_change_by_expiry (expires_at),
    CONSTRAINT email_change_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE email_change;
