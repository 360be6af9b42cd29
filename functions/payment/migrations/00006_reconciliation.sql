-- +goose Up
-- How far payment-reconcile has compared the provider's list of payments: those that were created
-- before since are done. list_position is the next page of a list that began at began_at.
CREATE TABLE reconciliation (
    provider      VARCHAR(32)  NOT NULL PRIMARY KEY,
    since         DATETIME(6)  NOT NULL,
    list_position VARCHAR(500) NOT NULL,
    began_at      DATETIME(6)  NULL
);

-- +goose Down
DROP TABLE reconciliation;
