-- +goose Up
-- Events whose mail is being sent. No transaction is open meanwhile: claimed_until
-- excludes other deliveries of the event. The row is deleted when the mail was sent and
-- the event is in the inbox.
CREATE TABLE mail_delivery (
    consumer      VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_id      BINARY(16)  NOT NULL,
    attempts      INT         NOT NULL,
    claimed_until DATETIME(6) NOT NULL,
    PRIMARY KEY (consumer, event_id),
    KEY mail_delivery_by_claim (claimed_until)
);

-- +goose Down
DROP TABLE mail_delivery;
