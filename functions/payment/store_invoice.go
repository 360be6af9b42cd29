package payment

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/database"
)

// storedInvoice is a document with its number and its file.
type storedInvoice struct {
	invoice.Document

	year     int
	sequence int64
	// source is the order of an invoice, and the refund of a credit note.
	source uuid.UUID
	pdf    []byte
}

// insertInvoices stores documents. It fails if the source of one has a document of its kind.
func insertInvoices(ctx context.Context, tx *database.Tx, documents []storedInvoice) error {
	if len(documents) == 0 {
		return nil
	}
	rows := make([][]any, len(documents))
	for i := range documents {
		d := &documents[i]
		text, err := json.Marshal(d.Document)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", d.Kind, d.Number, err)
		}
		rows[i] = []any{d.ID[:], d.Kind, d.year, d.sequence, d.source[:], d.OrderID[:], d.IssuedAt, text, d.pdf}
	}
	err := database.InsertRows(ctx, tx, "invoice (id, kind, year, sequence, source, order_id, issued_at, document, pdf)", "", rows)
	if err != nil {
		return fmt.Errorf("store %d documents from %s %s: %w", len(documents), documents[0].Kind, documents[0].Number, err)
	}
	return nil
}

// selectInvoicesBySource returns the documents of orders and refunds, by these and their kind,
// without their files.
func selectInvoicesBySource(ctx context.Context, q database.Queryer, sources []uuid.UUID) (map[invoiceKey]invoice.Document, error) {
	found := map[invoiceKey]invoice.Document{}
	if len(sources) == 0 {
		return found, nil
	}
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var source uuid.UUID
		var text []byte
		if err := row.Scan(&source, &text); err != nil {
			return err
		}
		document, err := decodeDocument(text)
		found[invoiceKey{document.Kind, source}] = document
		return err
	}, `
		SELECT source, document
		FROM invoice
		WHERE source IN (`+database.Placeholders(len(sources))+`)`, database.IDs(sources)...)
	if err != nil {
		return nil, fmt.Errorf("read the documents of %d orders and refunds: %w", len(sources), err)
	}
	return found, nil
}

// invoiceKey identifies a document by what it is issued for.
type invoiceKey struct {
	kind   invoice.Kind
	source uuid.UUID
}

// selectInvoice returns a document, or database.ErrNotFound.
func selectInvoice(ctx context.Context, q database.Queryer, id uuid.UUID) (invoice.Document, error) {
	text, err := database.Get(ctx, q, database.ScanColumn[[]byte], `
		SELECT document
		FROM invoice
		WHERE id = ?`, id[:])
	if err != nil {
		return invoice.Document{}, fmt.Errorf("read document %s: %w", id, err)
	}
	return decodeDocument(text)
}

// selectInvoicePDF returns the file of a document, or database.ErrNotFound.
func selectInvoicePDF(ctx context.Context, q database.Queryer, id uuid.UUID) ([]byte, error) {
	pdf, err := database.Get(ctx, q, database.ScanColumn[[]byte], `
		SELECT pdf
		FROM invoice
		WHERE id = ?`, id[:])
	if err != nil {
		return nil, fmt.Errorf("read the file of document %s: %w", id, err)
	}
	return pdf, nil
}

// selectInvoicesOfOrder returns documents of an order after one, oldest first.
func selectInvoicesOfOrder(ctx context.Context, q database.Queryer, orderID, after uuid.UUID, limit int) ([]invoice.Document, error) {
	documents, err := database.Collect(ctx, q, func(row database.Scanner) (invoice.Document, error) {
		var text []byte
		if err := row.Scan(&text); err != nil {
			return invoice.Document{}, err
		}
		return decodeDocument(text)
	}, `
		SELECT document
		FROM invoice FORCE INDEX (invoice_by_order)
		WHERE order_id = ? AND id > ?
		ORDER BY id
		LIMIT ?`, orderID[:], after[:], limit)
	if err != nil {
		return nil, fmt.Errorf("read the documents of order %s: %w", orderID, err)
	}
	return documents, nil
}

func decodeDocument(text []byte) (document invoice.Document, err error) {
	if err := json.Unmarshal(text, &document); err != nil {
		return invoice.Document{}, fmt.Errorf("decode a document: %w", err)
	}
	return document, nil
}
