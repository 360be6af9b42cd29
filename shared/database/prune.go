package database

import (
	"context"
	"fmt"
	"time"
)

// pruneBatch is the maximum number of rows that one statement of Prune deletes.
const pruneBatch = 1000

// Prune runs a DELETE … WHERE column < ? ORDER BY column LIMIT ? until no row is older than
// before. It deletes in batches because one large DELETE would lock its rows for a long time.
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
