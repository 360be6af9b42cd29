-- +goose Up
-- Hashes of the networks from which a user has signed in, with the version of the
-- password.
CREATE TABLE login_network (
    user_id          BINARY(16)  NOT NULL,
    network          BINARY(32)  NOT NULL,
    password_version BIGINT      NOT NULL,
    seen_at          DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, network),
    KEY login_network_by_user (user_id, seen_at),
    KEY login_network_by_seen_at (seen_at),
    CONSTRAINT login_network_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE login_network;
