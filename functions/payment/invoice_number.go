package payment

import (
	"context"
	"fmt"
	"slices"

	"souk/functions/payment/invoice"
	"souk/shared/database"
)

// numbers assigns the numbers of documents in a transaction. From lock on, other transactions wait
// for its end: a number is used if it commits, and otherwise assigned again.
type numbers struct {
	year int
	last map[invoice.Kind]int64
}

// lockNumbers returns the numbers of kinds of documents in a year, locked until the transaction
// ends.
func lockNumbers(ctx context.Context, tx *database.Tx, year int, kinds ...invoice.Kind) (numbers, error) {
	n := numbers{year, map[invoice.Kind]int64{}}
	kinds = slices.Compact(slices.Sorted(slices.Values(kinds))) // in one order, so that transactions do not deadlock
	for _, kind := range kinds {
		// The update changes nothing but locks the row.
		_, err := tx.ExecContext(ctx, `
			INSERT INTO invoice_number (kind, year, last)
			VALUES (?, ?, 0)
			ON DUPLICATE KEY UPDATE last = last`, kind, year)
		if err != nil {
			return n, fmt.Errorf("lock the numbers of kind %s: %w", kind, err)
		}
		n.last[kind], err = database.Get(ctx, tx, database.ScanColumn[int64], `
			SELECT last
			FROM invoice_number
			WHERE kind = ? AND year = ?
			FOR UPDATE`, kind, year)
		if err != nil {
			return n, fmt.Errorf("read the last number of kind %s: %w", kind, err)
		}
	}
	return n, nil
}

// next assigns the next number of a kind.
func (n numbers) next(kind invoice.Kind) int64 {
	n.last[kind]++
	return n.last[kind]
}

// save stores which numbers were assigned.
func (n numbers) save(ctx context.Context, tx *database.Tx) error {
	for kind, last := range n.last {
		_, err := tx.ExecContext(ctx, `
			UPDATE invoice_number
			SET last = ?
			WHERE kind = ? AND year = ?`, last, kind, n.year)
		if err != nil {
			return fmt.Errorf("store the last number of kind %s: %w", kind, err)
		}
	}
	return nil
}

// numberPrefixes distinguish the numbers of the kinds.
var numberPrefixes = map[invoice.Kind]string{invoice.Invoice: "", invoice.CreditNote: "CN-"}

// formatNumber returns a number as documents show it, such as 2026-000042.
func formatNumber(kind invoice.Kind, year int, sequence int64) string {
	return fmt.Sprintf("%s%d-%06d", numberPrefixes[kind], year, sequence)
}
