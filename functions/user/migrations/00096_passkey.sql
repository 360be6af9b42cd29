-- +goose Up
-- Passkeys of accounts: WebAuthn credentials. sign_count is the signature counter of the
-- authenticator, 0 if it has none.
CREATE TABLE passkey (
    id              BINARY(16)      NOT NULL PRIMARY KEY,
    user_id         BINARY(16)      NOT NULL,
    name            VARCHAR(100)    NOT NULL,
    credential_id   VARBINARY(1023) NOT NULL,
    public_key      VARBINARY(2048) NOT NULL,
    sign_count      BIGINT          NOT NULL,
    backup_eligible BOOLEAN         NOT NULL,
    transports      VARCHAR(255)    NOT NULL,
    created_at      DATETIME(6)     NOT NULL,
    used_at         DATETIME(6)     NULL,
    UNIQUE KEY passkey_by_credential (credential_id),
    KEY passkey_by_user (user_id, id),
    CONSTRAINT passkey_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE passkey;
