package order

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// statusEvent is what a function reads of an event that changes the status of an order.
type statusEvent interface {
	order() uuid.UUID
	// reason returns the reason in the order's history, "" if there is only one.
	reason() string
	// occurredAt returns when what the event is about occurred, the zero time if it is the time of the event.
	occurredAt() time.Time
}

// changeStatusForEvents changes the status of orders because of events. target returns the status
// that an event requests for an order, "" for none. Nothing is done with orders whose current
// status does not allow the change.
func changeStatusForEvents[P statusEvent](ctx context.Context, tx *database.Tx, s *service, messages []function.Message[P],
	target func(o *Order, m *function.Message[P]) Status,
) error {
	ids := make([]uuid.UUID, len(messages))
	for i := range messages {
		ids[i] = messages[i].Payload.order()
	}
	orders, err := lockOrders(ctx, tx, ids)
	if err != nil {
		return err
	}
	changes := eventChanges{byStatus: map[Status][]eventChange{}, next: map[uuid.UUID]Status{}, published: map[uuid.UUID]*Order{}}
	for i := range messages {
		m := &messages[i]
		o := orders[ids[i]]
		if o == nil {
			return fmt.Errorf("lock order %s: %w", ids[i], database.ErrNotFound)
		}
		change := statusChange{order: o, reason: m.Payload.reason(), actor: Actor{Kind: System}, cause: m.Context}
		occurredAt := m.Payload.occurredAt()
		if occurredAt.IsZero() {
			occurredAt = m.Event.Time
		}
		changes.add(eventChange{statusChange: change, occurredAt: occurredAt}, target(o, m))
	}
	if err := loadItems(ctx, tx, changes.published); err != nil {
		return err
	}
	// An order that changes twice does so in the order of transitions.
	for _, t := range transitions {
		if err := s.changeStatusesOfEvents(ctx, tx, t.to, changes.byStatus[t.to]); err != nil {
			return err
		}
	}
	return nil
}

// eventChange is a change of status because of an event.
type eventChange struct {
	statusChange

	from       Status
	occurredAt time.Time
}

// eventChanges are the changes of a batch of events that are allowed, by the new status.
type eventChanges struct {
	byStatus map[Status][]eventChange
	// next are the statuses of orders after the changes.
	next map[uuid.UUID]Status
	// published are the orders with a change that is published.
	published map[uuid.UUID]*Order
}

func (c *eventChanges) add(change eventChange, to Status) {
	o := change.order
	change.from = cmp.Or(c.next[o.ID], o.Status)
	if !change.from.CanTransitionTo(to) {
		return
	}
	c.next[o.ID] = to
	c.byStatus[to] = append(c.byStatus[to], change)
	if transitionTo(to).isPublished() {
		c.published[o.ID] = o
	}
}

// changeStatusesOfEvents changes the status of orders, and logs the changes.
func (s *service) changeStatusesOfEvents(ctx context.Context, tx *database.Tx, to Status, changes []eventChange) error {
	if len(changes) == 0 {
		return nil
	}
	all := make([]statusChange, len(changes))
	for i := range changes {
		all[i] = changes[i].statusChange
	}
	if _, err := s.changeStatuses(ctx, tx, to, all...); err != nil {
		return err
	}
	at := s.Now()
	tx.AfterCommit(func(context.Context) {
		for _, c := range changes {
			s.logEventChange(c, to, at)
		}
	})
	return nil
}

// logEventChange logs a change. Metrics in terraform/alerting.tf read from the log entries how
// long an order was pending, and how long it took to confirm it after the provider had reported its
// payment.
func (s *service) logEventChange(c eventChange, to Status, at time.Time) {
	o := c.order
	if c.from == Pending {
		slog.InfoContext(c.cause, "order decided", "order", o.ID, "status", to,
			"seconds", at.Sub(o.CreatedAt).Seconds(), "synthetic", s.settings.isSynthetic(o.UserID))
	}
	if to == Confirmed && o.Payment == PaymentRequired {
		slog.InfoContext(c.cause, "order paid", "order", o.ID, "seconds", max(0, at.Sub(c.occurredAt).Seconds()),
			"synthetic", s.settings.isSynthetic(o.UserID))
	}
}
