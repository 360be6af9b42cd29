-- +goose Up
-- Access tokens that are invalid before they expire: those of the user or the session
-- (subject) with rights of a version below min_rights_version. The index has all
-- columns: every instance reads the newest rows every few seconds.
CREATE TABLE access_revocation (
    subject            BINARY(16)  NOT NULL PRIMARY KEY,
    min_rights_version BIGINT      NOT NULL,
    stored_at          DATETIME(6) NOT NULL,
    KEY access_revocation_by_time (stored_at, min_rights_version)
);

-- +goose Down
DROP TABLE access_revocation;
