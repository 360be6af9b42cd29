package event

import (
	"context"
	"fmt"
	"time"

	"souk/shared/database"
)

// republishBatch is the most rows that one statement of Republish marks.
const republishBatch = 1000

// Republish marks the events that were published at or after since as pending, so that
// the next sweep publishes them again, and returns their number. It is for messages that
// a broker has lost: a consumer that received one has its id in the inbox and ignores
// it. An event is in the outbox for a day after it was published.
//
// A concurrent request may still mark its events as published, up to Settled after its
// commit.
func Republish(ctx context.Context, q database.Queryer, since time.Time) (events int64, err error) {
	for {
		marked, err := database.AffectedRows(q.ExecContext(ctx, markUnpublished, since, republishBatch))
		if err != nil {
			return events, fmt.Errorf("publish events again: %w", err)
		}
		if events += marked; marked < republishBatch {
			return events, nil
		}
	}
}

// Settled is the time after its commit within which a request has published and marked
// its events. Later only a sweep publishes them.
const Settled = publishTimeout + markTimeout + time.Second
