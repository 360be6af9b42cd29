package database

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// ProcessBatches reads and processes batches of ids until read returns none, or maxBatches are
// processed: a sweep has bounded work, and the next one continues. process must have the effect
// that read does not return the ids again.
func ProcessBatches(ctx context.Context, maxBatches int, read func(context.Context) ([]uuid.UUID, error), process func(context.Context, []uuid.UUID) error) error {
	for range maxBatches {
		ids, err := read(ctx)
		if err != nil {
			return fmt.Errorf("read a batch: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		if err := process(ctx, ids); err != nil {
			return fmt.Errorf("process %d rows from %s: %w", len(ids), ids[0], err)
		}
	}
	return nil
}
