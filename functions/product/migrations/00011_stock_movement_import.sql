-- +goose Up
-- The import and the line of a movement. The unique key prevents that a line is applied
-- twice when its file is sent again. Other movements have no import.
ALTER TABLE stock_movement
    ADD COLUMN import_id   BINARY(16) NULL,
    ADD COLUMN import_line INT        NULL,
    ADD UNIQUE KEY stock_movement_by_import (import_id, import_line);

-- +goose Down
ALTER TABLE stock_movement
    DROP KEY stock_movement_by_import,
    DROP COLUMN import_line,
    DROP COLUMN import_id;
