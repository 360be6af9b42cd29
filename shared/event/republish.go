package event

import (
	"context"
	"fmt"
	"time"

	"souk/shared/database"
)

// republishBatchSize is the maximum number of rows that one statement of Republish
// changes.
const republishBatchSize = 1000

// Republish marks the events that were published at or after since as pending, so that
// the next sweep publishes them again, and returns their number. It is for messages that
// a broker has lost. A consumer that has processed an event ignores it, because the
// event's id is in its inbox. Events are in the outbox for a day after they were
// published; Republish does not find older ones.
//
// It also misses events that concurrent requests mark as published later, up to
// MaxPublishDelay after their commits.
func Republish(ctx context.Context, q database.Queryer, since time.Time) (events int64, err error) {
	for {
		marked, err := database.AffectedRows(q.ExecContext(ctx, markPending, since, republishBatchSize))
		if err != nil {
			return events, fmt.Errorf("publish events again: %w", err)
		}
		if events += marked; marked < republishBatchSize {
			return events, nil
		}
	}
}
