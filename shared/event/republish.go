package event

import (
	"context"
	"fmt"
	"time"

	"souk/shared/database"
)

// republishBatch is the most rows that one statement of Republish marks.
const republishBatch = 1000

// Republish has the sweep publish again what was published at or after since, and
// returns how many events that are. It is for messages that a broker has lost; who
// got one of them has its id in the inbox, and nothing happens twice. An event is
// in the outbox for a day after it was published.
//
// What a request publishes at the very moment may be marked only afterwards, within
// Settled.
func Republish(ctx context.Context, q database.Queryer, since time.Time) (events int64, err error) {
	for {
		result, err := q.ExecContext(ctx, markUnpublished, since, republishBatch)
		if err != nil {
			return events, fmt.Errorf("publish events again: %w", err)
		}
		marked, err := result.RowsAffected()
		if err != nil {
			return events, fmt.Errorf("publish events again: %w", err)
		}
		if events += marked; marked < republishBatch {
			return events, nil
		}
	}
}

// Settled is how long after its commit a request is done with its events: they
// are published and marked, or left for the sweep.
const Settled = publishTimeout + markTimeout + time.Second
