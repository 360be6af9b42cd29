package audit

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// webhookFanout is the consumer that stores a delivery of each event for each endpoint that is
// subscribed to its type. Deliveries are its inbox.
const webhookFanout = "webhook-fanout"

const (
	// deliveryRetention is how long the webhook service stores deliveries.
	deliveryRetention = 30 * 24 * time.Hour
	// maxSubscribing is the longest time from the time of a subscription until its commit, with the
	// difference between the clocks of two machines. Events of that time may have no delivery.
	maxSubscribing = time.Minute
)

// endpoint is an endpoint that events are sent to.
type endpoint struct {
	id           uuid.UUID
	types        []string
	subscribedAt time.Time // to types, or earlier
}

// isSubscribed reports whether the events of a topic are sent to the endpoint. Those of order-placed
// have the type order.placed.
func (e endpoint) isSubscribed(topic string) bool {
	return slices.Contains(e.types, "*") || slices.Contains(e.types, strings.Replace(topic, "-", ".", 1))
}

// deliveries compares the events that services have published, as long as they store them, with the
// deliveries to each endpoint. A disabled endpoint has deliveries too: they wait for it. Of an endpoint
// whose types have changed, only events since then are compared: the types before are not stored.
func (a *auditor) deliveries(ctx context.Context, publisher map[string]*snapshot, fanout manifest.Function) error {
	to := a.snapshots[fanout.Service]
	endpoints, err := readEndpoints(ctx, to)
	if err != nil {
		return err
	}
	a.rows["endpoint"] = int64(len(endpoints))
	for _, e := range endpoints {
		topics := map[string][]any{} // by the service that publishes them
		for _, topic := range fanout.Events {
			if e.isSubscribed(topic) {
				topics[publisher[topic].service] = append(topics[publisher[topic].service], topic)
			}
		}
		for _, service := range a.services() {
			if len(topics[service]) == 0 {
				continue
			}
			if err := a.undelivered(ctx, a.snapshots[service], to, e, topics[service], fanout.Filter); err != nil {
				return err
			}
		}
	}
	return nil
}

// readEndpoints returns all endpoints.
func readEndpoints(ctx context.Context, s *snapshot) (endpoints []endpoint, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		var e endpoint
		var types string
		err := rows.Scan(&e.id, &types, &e.subscribedAt)
		e.types = strings.Fields(types)
		endpoints = append(endpoints, e)
		return err
	}, `
		SELECT id, event_types, subscribed_at
		FROM endpoint
		ORDER BY id`)
	return endpoints, err
}

// undelivered compares the events of topics that a service has published with the deliveries to an
// endpoint.
func (a *auditor) undelivered(ctx context.Context, from, to *snapshot, e endpoint, topics []any, filter manifest.Filter) error {
	first, err := firstEvent(ctx, from)
	if err != nil || first == uuid.Nil {
		return err
	}
	events, err := open(ctx, from, scanPublished, `
		SELECT id, type, published_at, attributes
		FROM outbox FORCE INDEX (PRIMARY)
		WHERE type IN (?`+strings.Repeat(", ?", len(topics)-1)+`) AND created_at > ? AND published_at >= ? AND published_at < ?
		ORDER BY id`, slices.Concat(topics, []any{
		e.subscribedAt.Add(maxSubscribing), a.options.Now.Add(slack - deliveryRetention), a.options.Now.Add(-a.options.Grace),
	})...)
	if err != nil {
		return err
	}
	stored, err := open(ctx, to, scanID, `
		SELECT event_id
		FROM delivery FORCE INDEX (PRIMARY)
		WHERE endpoint_id = ? AND event_id >= ?
		ORDER BY event_id`, e.id[:], first[:])
	if err != nil {
		events.close()
		return err
	}
	return merge(events, stored, func(id uuid.UUID, events []published, stored []struct{}) {
		if len(events) > 0 && len(stored) == 0 && filter.Accepts(events[0].attributes) {
			a.find(WebhookMissing, about("event", id),
				"%s, published at %s, has no delivery to endpoint %s: replay the dead letter of %s.%[1]s, or have the receiver read what has changed since",
				events[0].topic, events[0].at.Format(time.RFC3339), e.id, webhookFanout)
		}
	})
}
