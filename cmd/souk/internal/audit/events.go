package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// events looks for events that never left, and for those that never arrived.
func (a *auditor) events(ctx context.Context) error {
	for _, service := range a.services() {
		s := a.snapshots[service]
		if err := a.stuck(ctx, s); err != nil {
			return err
		}
	}
	publisher := map[string]*snapshot{}
	for _, f := range a.options.Manifest.Functions {
		for _, topic := range f.Publishes {
			publisher[topic] = a.snapshots[f.Service]
		}
	}
	for _, f := range a.options.Manifest.Functions {
		for _, topic := range f.Events {
			if publisher[topic] == nil || a.snapshots[f.Service] == nil {
				return fmt.Errorf("look for the events %s of %s: their databases are not known here", topic, f.Name)
			}
		}
		if err := a.consumed(ctx, publisher, f); err != nil {
			return err
		}
	}
	return nil
}

// consumed compares the events of each topic of a consumer, by their publishers, with what it has
// stored of them.
func (a *auditor) consumed(ctx context.Context, publisher map[string]*snapshot, consumer manifest.Function) error {
	switch {
	case consumer.Name == webhookFanout:
		return a.deliveries(ctx, publisher, consumer)
	case consumer.Inbox == manifest.NoInbox: // it stores nothing of an event: its entry in functions.yaml has why
		return nil
	}
	for _, topic := range consumer.Events {
		if err := a.unconsumed(ctx, publisher[topic], a.snapshots[consumer.Service], topic, consumer); err != nil {
			return err
		}
	}
	return nil
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

// published is an event that a service has published.
type published struct {
	topic      string
	at         time.Time
	attributes map[string]string // besides the envelope
}

// unconsumed compares the events that a service has published, as long as it
// keeps them, with the inbox of a function that consumes those that its filter selects.
func (a *auditor) unconsumed(ctx context.Context, from, to *snapshot, topic string, consumer manifest.Function) error {
	missing := func(id uuid.UUID, p published) {
		if consumer.Filter.Accepts(p.attributes) {
			a.find(EventUnconsumed, about("event", id), "%s, published at %s, has not reached %s",
				p.topic, p.at.Format(time.RFC3339), consumer.Name)
		}
	}
	before := a.options.Now.Add(-a.options.Grace)
	if from == to {
		return unconsumedWithin(ctx, from, topic, consumer.Name, before, missing)
	}
	first, err := firstEvent(ctx, from)
	if err != nil || first == uuid.Nil {
		return err
	}
	sent, err := open(ctx, from, scanPublished, `
		SELECT id, type, published_at, attributes
		FROM outbox
		WHERE type = ? AND published_at < ?
		ORDER BY id`, topic, before)
	if err != nil {
		return err
	}
	received, err := open(ctx, to, scanID, `
		SELECT event_id
		FROM inbox
		WHERE consumer = ? AND event_id >= ?
		ORDER BY event_id`, consumer.Name, first[:])
	if err != nil {
		sent.close()
		return err
	}
	return merge(sent, received, func(id uuid.UUID, sent []published, received []struct{}) {
		if len(sent) > 0 && len(received) == 0 {
			missing(id, sent[0])
		}
	})
}

// firstEvent returns the lowest id in an outbox, uuid.Nil if it is empty. Ids grow with time (UUIDv7),
// so rows about lower ids, which are older, need not be read elsewhere.
func firstEvent(ctx context.Context, from *snapshot) (first uuid.UUID, err error) {
	err = from.conn.QueryRowContext(ctx, `
		SELECT id
		FROM outbox
		ORDER BY id
		LIMIT 1`).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, nil
	}
	return first, from.failed(err)
}

func scanPublished(rows *sql.Rows) (id uuid.UUID, p published, err error) {
	var attributes []byte
	if err := rows.Scan(&id, &p.topic, &p.at, &attributes); err != nil || attributes == nil {
		return id, p, err
	}
	if err := json.Unmarshal(attributes, &p.attributes); err != nil {
		p.attributes = nil // see OrderPayment
	}
	return id, p, nil
}

// unconsumedWithin is unconsumed for a service that consumes its own events.
func unconsumedWithin(ctx context.Context, s *snapshot, topic, consumer string, before time.Time, missing func(uuid.UUID, published)) error {
	return s.query(ctx, func(rows *sql.Rows) error {
		id, p, err := scanPublished(rows)
		if err == nil {
			missing(id, p)
		}
		return err
	}, `
		SELECT o.id, o.type, o.published_at, o.attributes
		FROM outbox o
		LEFT JOIN inbox i ON i.consumer = ? AND i.event_id = o.id
		WHERE o.type = ? AND o.published_at < ? AND i.event_id IS NULL
		ORDER BY o.id`, consumer, topic, before)
}
