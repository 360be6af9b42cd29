-- +goose Up
-- The column code_key is the code in capital letters, and NULL for an automatic discount. The
-- columns max_uses (0 is no limit) and uses are counted by order-place.
CREATE TABLE discount (
    id         BINARY(16)  NOT NULL PRIMARY KEY,
    code_key   VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    rules      TEXT        NOT NULL,
    max_uses   BIGINT      NOT NULL,
    uses       BIGINT      NOT NULL DEFAULT 0 CHECK (uses >= 0),
    version    BIGINT      NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    UNIQUE KEY discount_by_code (code_key)
);

-- +goose Down
DROP TABLE discount;
