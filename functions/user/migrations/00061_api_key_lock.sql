-- +goose Up
-- One row, which is locked while a key is created: a shop has a maximum number of keys.
CREATE TABLE api_key_lock (
    id INT NOT NULL PRIMARY KEY
);

-- +goose Down
DROP TABLE api_key_lock;
