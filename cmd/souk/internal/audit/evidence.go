package audit

import (
	"bytes"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
)

const (
	// maxPlacing is the longest time between an order's id and its creation, which
	// are of one request.
	maxPlacing = time.Minute

	// eventOrder is the id of the order that an event is about.
	eventOrder = `UNHEX(REPLACE(e.aggregateid, '-', ''))`
	// recordedOrder is the id of the order that an idempotency key has created, from
	// the header Location of its response.
	recordedOrder = `UNHEX(REPLACE(SUBSTRING_INDEX(SUBSTRING_INDEX(header, '"/v1/orders/', -1), '"', 1), '-', ''))`
)

// eventTypes are the events that changes of status publish, by the new status.
var eventTypes = func() map[string]string {
	types := map[string]string{string(order.Pending): "order-placed"}
	for _, t := range order.Transitions() {
		if t.Topic != "" {
			types[string(t.To)] = t.Topic
		}
	}
	return types
}()

// maxEventTypes is the maximum length of evidenceTypes. A slice for each order would take
// more memory.
const maxEventTypes = 8

// evidence is what the outbox, the idempotency keys and the checkouts have of an order. All are
// written in the transaction of the order or of its change, and retained for a day, so
// that the evidence of all orders is that of a day's orders.
type evidence struct {
	requests uint16
	events   [maxEventTypes]uint16 // by position in evidenceTypes
	others   bool                  // events of other types
}

// evidenceTypes are the types of eventTypes, sorted.
var evidenceTypes = slices.Sorted(maps.Values(eventTypes))

// count returns how many events of a type there are.
func (e evidence) count(eventType string) uint16 {
	i, _ := slices.BinarySearch(evidenceTypes, eventType)
	return e.events[i]
}

// traces describes the evidence.
func (e evidence) traces() (traces []string) {
	for i, eventType := range evidenceTypes {
		if e.events[i] > 0 {
			traces = append(traces, "the event "+eventType)
		}
	}
	if e.others {
		traces = append(traces, "events of other types")
	}
	if e.requests > 0 {
		traces = append(traces, "the response or the checkout that created it")
	}
	return traces
}

// readEvidence reads the evidence of all orders.
func (a *auditor) readEvidence(ctx context.Context) error {
	a.evidence = map[uuid.UUID]evidence{}
	err := a.order.query(ctx, func(rows *sql.Rows) error {
		var id, eventType []byte
		if err := rows.Scan(&id, &eventType); err != nil {
			return err
		}
		order, err := uuid.FromBytes(id)
		if err != nil {
			return nil //nolint:nilerr // about nothing that could be an order
		}
		e := a.evidence[order]
		if i, known := slices.BinarySearch(evidenceTypes, string(eventType)); known && i < maxEventTypes {
			e.events[i]++
		} else {
			e.others = true
		}
		a.evidence[order] = e
		return nil
	}, `
		SELECT `+eventOrder+`, e.type
		FROM outbox e
		WHERE e.aggregatetype = 'order'`)
	if err != nil {
		return err
	}
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if order, err := uuid.FromBytes(id); err == nil {
			e := a.evidence[order]
			e.requests++
			a.evidence[order] = e
		}
		return nil
	}, `
		SELECT `+recordedOrder+`
		FROM idempotency_key
		WHERE status = 201 AND header LIKE '%"/v1/orders/%'
		UNION ALL
		SELECT order_id
		FROM checkout
		WHERE order_id IS NOT NULL`)
}

// compareEvidence compares an order and its history with the evidence, and removes
// that from what no order has claimed.
func (a *auditor) compareEvidence(id uuid.UUID, steps []step) {
	found := a.evidence[id]
	delete(a.evidence, id)
	a.compareRequests(id, steps[0], found)
	changed := map[string]bool{}
	for _, s := range steps {
		eventType := eventTypes[s.status.String]
		if eventType == "" || changed[eventType] {
			continue // no history, or see HistoryMove
		}
		changed[eventType] = true
		if n := found.count(eventType); n != 1 && (n != 0 || !s.at.Time.Before(a.retained())) {
			a.find(EventMissing, about("order", id), "is %s since %s, and has %d events %s, not one",
				s.status.String, s.at.Time.Format(time.RFC3339), n, eventType)
		}
	}
	for i, eventType := range evidenceTypes {
		if found.events[i] > 0 && !changed[eventType] {
			a.find(EventMissing, about("order", id), "has an event %s, and no such change in its history", eventType)
		}
	}
}

// compareRequests compares an order with the request that created it: the order is
// placed with an Idempotency-Key, whose row has the response that names the order, or it is
// that of a checkout, which names it. The keys and checkouts of a deleted account are deleted
// with it.
//
// The id of an order (UUIDv7) has the time of that request too. A row that was copied
// has an id or a time of its own: that finds copies of any age.
func (a *auditor) compareRequests(id uuid.UUID, order step, found evidence) {
	seconds, nanoseconds := id.Time().UnixTime()
	if at := time.Unix(seconds, nanoseconds).UTC(); id.Version() != 7 || at.Sub(order.created).Abs() > maxPlacing {
		a.find(OrderDoubled, about("order", id), "was created at %s, but its id was not", order.created.Format(time.RFC3339))
		return
	}
	erased, old := order.owner == uuid.Nil, order.created.Before(a.retained())
	if found.requests != 1 && !erased && !old {
		a.find(OrderDoubled, about("order", id), "was created at %s by %d requests, not by one", order.created.Format(time.RFC3339), found.requests)
	}
}

// lost finds traces of orders that do not exist: orders are never deleted. The
// evidence that is left is that of no order. Reservations, which outlive it, are
// compared by reservations.
func (a *auditor) lost(ctx context.Context) error {
	traces := map[uuid.UUID][]string{}
	for id, e := range a.evidence {
		traces[id] = e.traces()
	}
	err := a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var trace string
		if err := rows.Scan(&id, &trace); err != nil {
			return err
		}
		traces[id] = append(traces[id], trace)
		return nil
	}, `
		SELECT DISTINCT i.order_id, 'lines'
		FROM order_item i
		LEFT JOIN orders o ON o.id = i.order_id
		WHERE o.id IS NULL
		UNION ALL
		SELECT g.order_id, 'a guest'
		FROM guest_order g
		LEFT JOIN orders o ON o.id = g.order_id
		WHERE o.id IS NULL
		UNION ALL
		SELECT DISTINCT h.order_id, 'a history'
		FROM order_history h
		LEFT JOIN orders o ON o.id = h.order_id
		WHERE o.id IS NULL`)
	if err != nil {
		return err
	}
	ids := slices.SortedFunc(maps.Keys(traces), func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	for _, id := range ids {
		a.find(OrderLost, about("order", id), "does not exist, but there is: %s", strings.Join(traces[id], ", "))
	}
	return nil
}
