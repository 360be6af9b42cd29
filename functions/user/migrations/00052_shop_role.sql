-- +goose Up
-- The roles of staff that a shop defines, besides those that every shop has. permissions are names,
-- separated by spaces. The accounts with a role have its name in user.staff_role.
CREATE TABLE shop_role (
    id          BINARY(16)    NOT NULL PRIMARY KEY,
    name        VARCHAR(32)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    permissions VARCHAR(2000) NOT NULL,
    version     BIGINT        NOT NULL,
    created_at  DATETIME(6)   NOT NULL,
    updated_at  DATETIME(6)   NOT NULL,
    UNIQUE KEY shop_role_by_name (name)
);

-- +goose Down
DROP TABLE shop_role;
