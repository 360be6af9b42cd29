-- +goose Up
-- The last number of each kind of document and year. It is incremented in the transaction that
-- stores the document, so that numbers have no gaps.
CREATE TABLE invoice_number (
    kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    year SMALLINT NOT NULL,
    last BIGINT   NOT NULL CHECK (last >= 0),
    PRIMARY KEY (kind, year)
);

-- +goose Down
DROP TABLE invoice_number;
