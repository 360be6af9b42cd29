package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
	"souk/shared/trail"
)

// statusChange is a change of the status of a locked order.
type statusChange struct {
	order  *Order
	reason string
	actor  Actor
	cause  context.Context // of the request or the message that causes the change
	// details are what the trail has of the change besides the status and its reason.
	details trail.Fields
}

// changeStatusForCaller changes an order's status at the request of a caller. It returns
// the problem order_not_found for an order that is not visible to the caller.
func (s *service) changeStatusForCaller(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason string) (*orderResponse, error) {
	o, actor, err := lockOrderForCaller(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	changed, err := s.changeStatuses(ctx, tx, to, statusChange{order: &o, reason: reason, actor: actor, cause: ctx})
	if err != nil {
		return nil, err
	}
	if len(changed) == 0 {
		return nil, statusConflict(&o, to)
	}
	return newResponseTo(ctx, o), nil
}

// lockOrderForCaller locks an order and returns the caller as an actor. It returns the problem
// order_not_found for an order that the caller may not change.
func lockOrderForCaller(ctx context.Context, tx *database.Tx, id uuid.UUID) (Order, Actor, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	o, err := lockOrder(ctx, tx, id)
	if errors.Is(err, database.ErrNotFound) || err == nil && !caller.MayRead(o.UserID, manifest.OrdersWrite) {
		return Order{}, Actor{}, api.NotFound("order", id)
	}
	if err != nil {
		return Order{}, Actor{}, fmt.Errorf("lock order %s: %w", id, err)
	}
	return o, o.actor(caller), nil
}

// statusConflict returns the problem of a requested change of status that is not allowed.
func statusConflict(o *Order, to Status) *api.Problem {
	return api.NewProblem(http.StatusConflict, conflictCode(to), "An order that is %s cannot become %s. Read the order for its current status.", o.Status, to)
}

// changeStatuses changes the status of locked orders, in order, as far as their current status
// allows it. It stores the changes, adds their events to the outbox, and returns them.
func (s *service) changeStatuses(ctx context.Context, tx *database.Tx, to Status, changes ...statusChange) (changed []statusChange, err error) {
	at := s.Now()
	t := transitionTo(to)
	var orders []*Order
	var history []historyRow
	var entries []trail.Change
	var events []event.AddParams[StatusChanged]
	for _, c := range changes {
		from := c.order.Status
		if !c.order.changeStatus(to, c.reason, c.actor, at) {
			continue
		}
		changed, orders = append(changed, c), append(orders, c.order)
		if c.actor.Kind == System {
			history = append(history, historyRow{c.order, c.cause})
		} else {
			history, entries = append(history, historyRow{order: c.order}), append(entries, c.entry(from, at))
		}
		if t.isPublished() {
			events = append(events, event.AddParams[StatusChanged]{
				AggregateID: c.order.ID, Payload: c.order.newStatusChanged(c.reason), Context: c.cause,
			})
		}
	}
	if len(orders) == 0 {
		return nil, nil
	}
	if err := saveStatusChanges(ctx, tx, to, at, history); err != nil {
		return nil, fmt.Errorf("change status of %d orders from %s to %s: %w", len(orders), orders[0].ID, to, err)
	}
	if err := trail.Record(ctx, tx, entries...); err != nil {
		return nil, err
	}
	if to == Cancelled || to == Rejected {
		if err := returnDiscountUses(ctx, tx, orders); err != nil {
			return nil, err
		}
	}
	return changed, t.topic.AddBatch(ctx, tx, s.Outbox, events...)
}

// entry returns the entry of the trail for a change by a caller. The reason is free text.
func (c statusChange) entry(from Status, at time.Time) trail.Change {
	after := trail.Fields{"status": c.order.Status, "reason": trail.Personal(c.reason)}
	maps.Copy(after, c.details)
	return trail.Change{
		Resource: resourceOrder, ID: c.order.ID, Before: trail.Fields{"status": from}, After: after, At: at, Context: c.cause,
	}
}
