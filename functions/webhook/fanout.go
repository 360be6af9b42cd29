package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// topicDue has the endpoints to which a delivery is due: webhook-deliver attempts it.
var topicDue = event.NewTopic[DueEvent]("webhook-due", "webhook")

// DueEvent is the payload of webhook-due.
type DueEvent struct {
	EndpointID uuid.UUID `json:"endpointId"`
}

// fanout stores a delivery of an event for each endpoint that is subscribed to its type, and
// publishes that it is due. An event for which there is no endpoint costs one read, which concurrent
// events share. A delivery exists once for each endpoint and event: an event that is delivered again
// changes nothing.
func (s *service) fanout(ctx context.Context, e event.Event, in source) error {
	t, public := typesByTopic[e.Type]
	if !public {
		return fmt.Errorf("event %s is a %s, which has no public type", e.ID, e.Type)
	}
	subscribed, err := s.subscriptions.Get(ctx, struct{}{}, s.selectSubscribed)
	if err != nil {
		return fmt.Errorf("read the endpoints for event %s: %w", e.ID, err)
	}
	if !subscribed[allTypes] && !subscribed[t.name] {
		return nil
	}
	payload, err := publicPayload(e, in)
	if err != nil {
		return err
	}
	d := newDelivery{eventID: e.ID, resourceID: e.AggregateID, occurredAt: e.Time, name: t.name, payload: payload}
	return s.fanouts.Do(ctx, d, len(payload))
}

// selectSubscribed returns the types that any endpoint is subscribed to.
func (s *service) selectSubscribed(ctx context.Context) (map[EventType]bool, error) {
	subscribed := map[EventType]bool{}
	endpoints, err := selectEndpoints(ctx, s.DB, uuid.Max, maxEndpoints)
	for _, e := range endpoints {
		for _, t := range e.EventTypes {
			subscribed[t] = true
		}
	}
	return subscribed, err
}

// storeDeliveries stores the deliveries of events to all endpoints that are subscribed. It locks the
// endpoints, so that the order of the deliveries of a resource is decided by one transaction after
// the other.
func (s *service) storeDeliveries(ctx context.Context, tx *database.Tx, events []newDelivery) error {
	endpoints, err := lockSubscribers(ctx, tx)
	if err != nil {
		return err
	}
	var due []event.AddParams[DueEvent]
	now := s.Now()
	for _, e := range endpoints {
		var deliveries []newDelivery
		for _, d := range events {
			if subscribes(e.types, d.name) {
				deliveries = append(deliveries, d)
			}
		}
		if len(deliveries) == 0 {
			continue
		}
		isDue, err := addDeliveries(ctx, tx, e, deliveries, now)
		if err != nil {
			return err
		}
		if isDue {
			due = append(due, event.AddParams[DueEvent]{AggregateID: e.id, Payload: DueEvent{e.id}})
		}
	}
	if len(due) == 0 {
		return nil
	}
	return topicDue.AddBatch(ctx, tx, s.Outbox, due...)
}

// addDeliveries stores deliveries to a locked endpoint. It reports whether webhook-due must be
// published: an endpoint that was due is being worked on, and its worker finds them.
func addDeliveries(ctx context.Context, tx *database.Tx, e subscriber, deliveries []newDelivery, now time.Time) (bool, error) {
	if err := insertDeliveries(ctx, tx, e.id, deliveries, now); err != nil {
		return false, err
	}
	resources := make([]uuid.UUID, len(deliveries))
	for i := range deliveries {
		resources[i] = deliveries[i].resourceID
	}
	promoted, err := promote(ctx, tx, e.id, distinct(resources), now)
	if err != nil || promoted == 0 || !e.nextAt.IsZero() && !e.nextAt.After(now) {
		return false, err
	}
	return !e.isTriggered(now), setNextAt(ctx, tx, e.id, now)
}
