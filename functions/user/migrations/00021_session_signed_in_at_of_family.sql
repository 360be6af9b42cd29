-- +goose Up
UPDATE session s
JOIN (SELECT family_id, MIN(created_at) AS signed_in_at FROM session GROUP BY family_id) login ON login.family_id = s.family_id
SET s.signed_in_at = login.signed_in_at
WHERE s.signed_in_at IS NULL;

-- +goose Down
SELECT 1;
