package database_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
)

func TestProcessBatches(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for name, c := range map[string]struct {
		rows, maxBatches, processed int
		readErr, processErr, want   error
	}{
		"no rows":            {rows: 0, maxBatches: 3, processed: 0},
		"all rows":           {rows: 5, maxBatches: 9, processed: 5},
		"bounded":            {rows: 9, maxBatches: 2, processed: 4},
		"a read that fails":  {rows: 5, maxBatches: 9, readErr: failed, want: failed},
		"a batch that fails": {rows: 5, maxBatches: 9, processErr: failed, want: failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pending := make([]uuid.UUID, c.rows)
			processed := 0
			err := database.ProcessBatches(t.Context(), c.maxBatches,
				func(context.Context) ([]uuid.UUID, error) { return pending[:min(2, len(pending))], c.readErr },
				func(_ context.Context, ids []uuid.UUID) error {
					if c.processErr == nil {
						processed += len(ids)
						pending = pending[len(ids):]
					}
					return c.processErr
				})
			if !errors.Is(err, c.want) || processed != c.processed {
				t.Errorf("processed %d rows with the error %v, want %d and %v", processed, err, c.processed, c.want)
			}
		})
	}
}
