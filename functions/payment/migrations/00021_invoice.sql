-- +goose Up
-- Invoices and credit notes. source is the order of an invoice, and the refund of a credit note:
-- each has one. document is an invoice.Document as JSON. Rows are never changed: functions have no
-- right to.
CREATE TABLE invoice (
    id        BINARY(16)  NOT NULL PRIMARY KEY,
    kind      VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    year      SMALLINT    NOT NULL,
    sequence  BIGINT      NOT NULL CHECK (sequence > 0),
    source    BINARY(16)  NOT NULL,
    order_id  BINARY(16)  NOT NULL,
    issued_at DATETIME(6) NOT NULL,
    document  MEDIUMTEXT  NOT NULL,
    pdf       MEDIUMBLOB  NOT NULL,
    UNIQUE KEY invoice_by_number (kind, year, sequence),
    UNIQUE KEY invoice_by_source (source, kind),
    KEY invoice_by_order (order_id, id)
);

-- +goose Down
DROP TABLE invoice;
