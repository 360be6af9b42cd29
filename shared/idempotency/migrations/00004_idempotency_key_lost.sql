-- +goose Up
-- Attempts of the version before docs/adr/0023 that had their effect, and died before
-- their response was stored: the response says so until the key expires.
UPDATE idempotency_key
SET status = 409,
    header = '{"Content-Type":["application/problem+json"]}',
    body = '{"title":"Conflict","status":409,"detail":"The first request with this Idempotency-Key was carried out, but its response was not stored. Read what it created or changed, and do not send it with another key.","code":"idempotency_answer_lost"}\n'
WHERE status IS NULL AND effected_at IS NOT NULL;

-- +goose Down
SELECT 1;
