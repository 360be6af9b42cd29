package dbtest

import (
	"context"
	"testing"

	"souk/shared/database"
)

// RowsRead returns the number of rows and index entries that the server reads for the
// statements of a function. It does not depend on the speed of the machine, and unlike a plan
// it is no estimate.
func RowsRead(t testing.TB, db *database.DB, read func(context.Context, *database.Tx) error) (rows int) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { // one session
		idle, err := handlerReads(ctx, tx)
		if err != nil {
			return err
		}
		before, err := handlerReads(ctx, tx)
		if err != nil {
			return err
		}
		if err := read(ctx, tx); err != nil {
			return err
		}
		after, err := handlerReads(ctx, tx)
		rows = after - before - (before - idle) // counting reads rows, too
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// handlerReads returns the number of rows that the session has read by key or in sequence.
func handlerReads(ctx context.Context, tx *database.Tx) (total int, err error) {
	return total, database.Each(ctx, tx, func(row database.Scanner) error {
		var name string
		var count int
		err := row.Scan(&name, &count)
		total += count
		return err
	}, `SHOW SESSION STATUS LIKE 'Handler_read_%'`)
}
