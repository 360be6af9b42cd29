package database

import (
	"context"
	"fmt"
	"time"
)

// pruneBatch is the most rows that one statement of Prune deletes.
const pruneBatch = 1000

// Prune runs a DELETE … WHERE column < ? ORDER BY column LIMIT ? until nothing is
// left that is older than before: one large DELETE would hold its locks for as
// long as it takes.
func Prune(ctx context.Context, q Queryer, statement string, before time.Time) error {
	for {
		deleted, err := AffectedRows(q.ExecContext(ctx, statement, before, pruneBatch))
		if err != nil {
			return fmt.Errorf("delete old rows: %w", err)
		}
		if deleted < pruneBatch {
			return nil
		}
	}
}
