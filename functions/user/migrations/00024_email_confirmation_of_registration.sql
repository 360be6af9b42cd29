-- +goose Up
-- Tokens that were mailed before this version remain valid.
INSERT INTO email_confirmation (token_hash, email_key, expires_at)
SELECT r.token_hash, r.email_key, r.expires_at
FROM registration r
WHERE r.token_hash IS NOT NULL
ON DUPLICATE KEY UPDATE expires_at = r.expires_at;

-- +goose Down
DELETE FROM email_confirmation;
