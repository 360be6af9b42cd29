-- +goose Up
-- Admins become owners.
UPDATE user
SET staff_role = 'owner'
WHERE role = 'admin';

-- +goose Down
SELECT 1;
