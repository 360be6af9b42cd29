-- +goose Up
-- The role of staff, '' for a customer. The column role has it as the release before knows it:
-- admin for an owner and customer for all others (docs/adr/0068).
ALTER TABLE user
    ADD COLUMN staff_role VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
    ADD KEY user_by_staff_role (staff_role, id);

-- +goose Down
ALTER TABLE user
    DROP KEY user_by_staff_role,
    DROP COLUMN staff_role;
