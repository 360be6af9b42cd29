package payment

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// lockAccount returns the payment of an order with its operations and refunds, and locks it until
// the transaction ends. Its error is database.ErrNotFound if the order has none.
func lockAccount(ctx context.Context, tx *database.Tx, orderID uuid.UUID) (*account, error) {
	p, err := lockPayment(ctx, tx, orderID)
	if err != nil {
		return nil, fmt.Errorf("lock the payment of order %s: %w", orderID, err)
	}
	a := newAccount(p)
	if a.operations, err = selectOperations(ctx, tx, orderID); err != nil {
		return nil, err
	}
	if p.captured == 0 {
		return a, nil
	}
	refunds, err := selectRefunds(ctx, tx, orderID)
	for _, r := range refunds {
		a.refunds[r.id] = r
	}
	return a, err
}

// save stores what a transaction has changed of an account, and adds its events to the outbox.
func (s *service) save(ctx context.Context, tx *database.Tx, a *account) error {
	if a.visibleChange() {
		a.version++
	}
	a.scheduleMatch(s.Now())
	if a.payment != a.stored {
		a.updatedAt = s.Now()
		if err := updatePayment(ctx, tx, &a.payment); err != nil {
			return err
		}
	}
	if len(a.changed) > 0 {
		changed := slices.DeleteFunc(slices.Clone(a.operations), func(op *operation) bool { return !a.changed[op] })
		if err := saveOperations(ctx, tx, changed); err != nil {
			return err
		}
	}
	if err := a.saveRefunds(ctx, tx); err != nil {
		return err
	}
	if err := trail.Record(ctx, tx, a.change(s.Now())); err != nil {
		return err
	}
	return s.publish(ctx, tx, a)
}

// visibleChange reports whether what payment-get returns has changed.
func (a *account) visibleChange() bool {
	p, q := &a.payment, &a.stored
	return p.state != q.state || p.captured != q.captured || p.refunded != q.refunded || p.failure != q.failure ||
		p.pageURL != q.pageURL || len(a.newRefunds) > 0 || len(a.changedIDs) > 0
}

func (a *account) saveRefunds(ctx context.Context, tx *database.Tx) error {
	changed := slices.Clone(a.newRefunds)
	for _, id := range a.changedIDs {
		if r := a.refunds[id]; !slices.Contains(changed, r) {
			changed = append(changed, r)
		}
	}
	return saveRefunds(ctx, tx, changed)
}

// publish adds the events about a payment to the outbox.
func (s *service) publish(ctx context.Context, tx *database.Tx, a *account) error {
	var all []event.Event
	add := func(events []event.Event, err error) error {
		all = append(all, events...)
		return err
	}
	if err := add(newEvents(ctx, s, topicAuthorized, a.orderID, a.news.authorized)); err != nil {
		return err
	}
	if err := add(newEvents(ctx, s, topicCaptured, a.orderID, a.news.captured)); err != nil {
		return err
	}
	if err := add(newEvents(ctx, s, topicFailed, a.orderID, a.news.failed)); err != nil {
		return err
	}
	if err := add(newEvents(ctx, s, topicRefunded, a.orderID, a.news.refunded)); err != nil {
		return err
	}
	if err := add(newEvents(ctx, s, topicDisputed, a.orderID, a.news.disputed)); err != nil {
		return err
	}
	a.news = news{}
	return s.Outbox.Add(ctx, tx, all...)
}

func newEvents[P any](ctx context.Context, s *service, topic event.Topic[P], orderID uuid.UUID, payloads []P) ([]event.Event, error) {
	params := make([]event.AddParams[P], len(payloads))
	for i := range payloads {
		params[i] = event.AddParams[P]{AggregateID: orderID, Payload: payloads[i]}
	}
	return topic.New(ctx, s.Outbox, params...)
}
