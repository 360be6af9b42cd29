-- +goose Up
CREATE TABLE address (
    id          BINARY(16)   NOT NULL PRIMARY KEY,
    user_id     BINARY(16)   NOT NULL,
    name        VARCHAR(200) NOT NULL,
    line1       VARCHAR(200) NOT NULL,
    line2       VARCHAR(200) NOT NULL,
    postal_code VARCHAR(20)  NOT NULL,
    city        VARCHAR(100) NOT NULL,
    country     CHAR(2)      NOT NULL,
    version     BIGINT       NOT NULL,
    created_at  DATETIME(6)  NOT NULL,
    updated_at  DATETIME(6)  NOT NULL,
    KEY address_by_user (user_id, id),
    CONSTRAINT address_of_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE address;
