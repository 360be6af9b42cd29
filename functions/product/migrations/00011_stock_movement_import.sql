-- +goose Up
-- Which line of which import a movement is of. A line moves stock once, however often
-- its file is sent: the key refuses the second. Other movements have no import.
ALTER TABLE stock_movement
    ADD COLUMN import_id   BINARY(16) NULL,
    ADD COLUMN import_line INT        NULL,
    ADD UNIQUE KEY stock_movement_by_import (import_id, import_line);

-- +goose Down
ALTER TABLE stock_movement
    DROP KEY stock_movement_by_import,
    DROP COLUMN import_line,
    DROP COLUMN import_id;
