-- +goose Up
-- The rules for prices, in at most one row. Its revision increases with each change of the
-- rules and of a discount, so that instances notice that their copies are out of date.
CREATE TABLE shop_settings (
    id         INT         NOT NULL PRIMARY KEY,
    rules      MEDIUMTEXT  NOT NULL,
    version    BIGINT      NOT NULL,
    revision   BIGINT      NOT NULL,
    updated_at DATETIME(6) NOT NULL
);

-- +goose Down
DROP TABLE shop_settings;
