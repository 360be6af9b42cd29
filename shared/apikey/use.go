package apikey

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// ReportUses publishes the uses of keys that were not published: at most one for each key and hour.
// The sweep of a service calls it, so that no request waits for it. An event has all keys.
func (l *List) ReportUses(ctx context.Context) error {
	pending, err := selectUnreported(ctx, l.db, maxEntries)
	if err != nil {
		return fmt.Errorf("read the uses of API keys: %w", err)
	}
	if len(pending) == 0 {
		return nil
	}
	err = l.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var uses []Use
		for _, u := range pending {
			marked, err := markReported(ctx, tx, u)
			if err != nil {
				return err
			}
			if marked {
				uses = append(uses, u)
			}
		}
		if len(uses) == 0 {
			return nil
		}
		// The event is about several keys: its aggregate is this report.
		report, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("create the id of a report: %w", err)
		}
		return UsedTopic.Add(ctx, tx, l.outbox, report, Used{Uses: uses})
	})
	if err != nil {
		return fmt.Errorf("publish the uses of API keys: %w", err)
	}
	return nil
}
