package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// events looks for events that never left, and for those that never arrived.
func (a *auditor) events(ctx context.Context) error {
	for _, s := range []*snapshot{a.order, a.product, a.user} {
		if err := a.stuck(ctx, s); err != nil {
			return err
		}
	}
	publisher := map[string]*snapshot{}
	for _, f := range a.options.Manifest.Functions {
		for _, topic := range f.Publishes {
			publisher[topic] = a.of(f.Service)
		}
	}
	for _, f := range a.options.Manifest.Functions {
		for _, topic := range f.Events {
			from, to := publisher[topic], a.of(f.Service)
			if from == nil || to == nil {
				return fmt.Errorf("look for the events %s of %s: their databases are not known here", topic, f.Name)
			}
			if err := a.unconsumed(ctx, from, to, topic, f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *auditor) of(service string) *snapshot {
	return map[string]*snapshot{"order": a.order, "product": a.product, "user": a.user}[service]
}

// stuck reports each type of event that waits too long to be published.
func (a *auditor) stuck(ctx context.Context, s *snapshot) error {
	return s.query(ctx, func(rows *sql.Rows) error {
		var eventType string
		var waiting int64
		var oldest time.Time
		if err := rows.Scan(&eventType, &waiting, &oldest); err != nil {
			return err
		}
		a.find(OutboxStuck, "outbox of "+s.service, "%d events %s are not published, the oldest since %s",
			waiting, eventType, oldest.Format(time.RFC3339))
		return nil
	}, `
		SELECT type, COUNT(*), MIN(created_at)
		FROM outbox
		WHERE published_at IS NULL AND created_at < ?
		GROUP BY type
		ORDER BY type`, a.options.Now.Add(-a.options.OutboxFor))
}

// unconsumed compares the events that a service has published, as long as it
// keeps them, with the inbox of a function that consumes them.
func (a *auditor) unconsumed(ctx context.Context, from, to *snapshot, topic, consumer string) error {
	missing := func(id uuid.UUID, published time.Time) {
		a.find(EventUnconsumed, about("event", id), "%s, published at %s, has not reached %s",
			topic, published.Format(time.RFC3339), consumer)
	}
	before := a.options.Now.Add(-a.options.Grace)
	if from == to {
		return unconsumedWithin(ctx, from, topic, consumer, before, missing)
	}
	// Ids grow with time (UUIDv7), so older rows of the inbox need not be read.
	var first uuid.UUID
	err := from.conn.QueryRowContext(ctx, `
		SELECT id
		FROM outbox
		ORDER BY id
		LIMIT 1`).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return from.failed(err)
	}
	published, err := open(ctx, from, scanPublished, `
		SELECT id, published_at
		FROM outbox
		WHERE type = ? AND published_at < ?
		ORDER BY id`, topic, before)
	if err != nil {
		return err
	}
	received, err := open(ctx, to, func(rows *sql.Rows) (id uuid.UUID, _ struct{}, err error) {
		return id, struct{}{}, rows.Scan(&id)
	}, `
		SELECT event_id
		FROM inbox
		WHERE consumer = ? AND event_id >= ?
		ORDER BY event_id`, consumer, first[:])
	if err != nil {
		published.close()
		return err
	}
	return merge(published, received, func(id uuid.UUID, published []time.Time, received []struct{}) {
		if len(published) > 0 && len(received) == 0 {
			missing(id, published[0])
		}
	})
}

func scanPublished(rows *sql.Rows) (id uuid.UUID, at time.Time, err error) {
	err = rows.Scan(&id, &at)
	return id, at, err
}

// unconsumedWithin is unconsumed for a service that consumes its own events.
func unconsumedWithin(ctx context.Context, s *snapshot, topic, consumer string, before time.Time, missing func(uuid.UUID, time.Time)) error {
	return s.query(ctx, func(rows *sql.Rows) error {
		id, at, err := scanPublished(rows)
		if err == nil {
			missing(id, at)
		}
		return err
	}, `
		SELECT o.id, o.published_at
		FROM outbox o
		LEFT JOIN inbox i ON i.consumer = ? AND i.event_id = o.id
		WHERE o.type = ? AND o.published_at < ? AND i.event_id IS NULL
		ORDER BY o.id`, consumer, topic, before)
}
