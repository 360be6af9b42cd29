-- +goose Up
-- The version of the rules by which the words of the name in user_word were written, 0 if there are none
-- yet.
ALTER TABLE user
    ADD COLUMN words_version INT NOT NULL DEFAULT 0,
    ADD KEY user_by_words_version (words_version);

-- +goose Down
ALTER TABLE user
    DROP KEY user_by_words_version,
    DROP COLUMN words_version;
