package ordertrail_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/console/ordertrail"
	"souk/emulators/pubsub"
	"souk/emulators/trace"
	"souk/functions"
	order "souk/functions/order/migrations"
	product "souk/functions/product/migrations"
	user "souk/functions/user/migrations"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// placedAt is recent, for ids of events begin with their time.
var placedAt = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// shop is the databases of a shop with one order and its events.
type shop struct {
	*ordertrail.Source
	order                       uuid.UUID
	placed, reserved, confirmed uuid.UUID // events
}

const traceIDText = "0af7651916cd43dd8448eb211c80319c"

func newID(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mustOpen returns a shop with an order that was placed and confirmed, and whose
// confirmation was not mailed yet.
func mustOpen(t *testing.T) *shop {
	t.Helper()
	s := &shop{
		Source: &ordertrail.Source{Manifest: functions.Manifest(), Databases: map[string]*database.DB{
			"order":   dbtest.New(t, append(function.Migrations(), order.All)...),
			"product": dbtest.New(t, append(function.Migrations(), product.All)...),
			"user":    dbtest.New(t, append(function.Migrations(), user.All)...),
		}},
		order: newID(t), placed: newID(t), reserved: newID(t), confirmed: newID(t),
	}
	customer := newID(t)
	s.mustExec(t, "order", `INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at)
		VALUES (?, ?, 'confirmed', 2598, 'EUR', 2, ?, ?)`, s.order[:], customer[:], placedAt, at(80))
	s.mustExec(t, "order", `INSERT INTO order_item (order_id, line, product_id, name, unit_price, quantity) VALUES (?, 0, ?, 'Assam', 1299, 2)`, s.order[:], customer[:])
	s.mustExec(t, "order", `INSERT INTO order_history (order_id, version, status, moved_at, reason, actor)
		VALUES (?, 1, 'pending', ?, '', 'customer'), (?, 2, 'confirmed', ?, '', 'system')`, s.order[:], placedAt, s.order[:], at(80))
	s.mustExec(t, "product", `INSERT INTO reservation (order_id, state, updated_at) VALUES (?, 'reserved', ?)`, s.order[:], at(40))
	s.mustAdd(t, "order", "order-placed", s.placed, 0, 5)
	s.mustAdd(t, "product", "stock-reserved", s.reserved, 40, 45)
	s.mustAdd(t, "order", "order-confirmed", s.confirmed, 80, 85)
	s.mustReceive(t, "product", "stock-reserve", s.placed, 40)
	s.mustReceive(t, "order", "order-confirm", s.reserved, 80)
	return s
}

// at returns the time so many milliseconds after the order was placed.
func at(ms int) time.Time { return placedAt.Add(time.Duration(ms) * time.Millisecond) }

func (s *shop) mustExec(t *testing.T, service, statement string, args ...any) {
	t.Helper()
	if _, err := s.Databases[service].ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// mustAdd adds an event of the order to an outbox. It is pending if published is negative.
func (s *shop) mustAdd(t *testing.T, service, eventType string, id uuid.UUID, created, published int) {
	t.Helper()
	var publishedAt any
	if published >= 0 {
		publishedAt = at(published)
	}
	s.mustExec(t, service, `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at)
		VALUES (?, 'order', ?, ?, '{"orderId":1}', ?, ?, ?)`, id[:], s.order.String(), eventType, "00-"+traceIDText+"-b7ad6b7169203331-01", at(created), publishedAt)
}

func (s *shop) mustReceive(t *testing.T, service, consumer string, id uuid.UUID, received int) {
	t.Helper()
	s.mustExec(t, service, `INSERT INTO inbox (consumer, event_id, received_at) VALUES (?, ?, ?)`, consumer, id[:], at(received))
}

func (s *shop) mustFind(t *testing.T) ordertrail.Trail {
	t.Helper()
	trail, err := s.Find(t.Context(), s.order)
	if err != nil {
		t.Fatal(err)
	}
	return trail
}

// describe returns the steps of a trail in a line each.
func describe(trail ordertrail.Trail) []string {
	var lines []string
	for _, step := range trail.Steps {
		if step.Move != nil {
			lines = append(lines, step.Since.String()+" "+step.Move.Status+" by "+step.Move.Actor)
			continue
		}
		line := step.Since.String() + " " + step.Event.Service + " " + step.Event.Type
		for _, d := range step.Event.Deliveries {
			line += ", " + d.Function + " " + d.State
			if d.State == ordertrail.Done {
				line += " after " + d.Wait.String()
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// delivery returns the delivery of an event to a function.
func delivery(t *testing.T, trail ordertrail.Trail, id uuid.UUID, function string) ordertrail.Delivery {
	t.Helper()
	for _, step := range trail.Steps {
		if step.Event == nil || step.Event.ID != id {
			continue
		}
		for _, d := range step.Event.Deliveries {
			if d.Function == function {
				return d
			}
		}
	}
	t.Fatalf("there is no delivery of event %s to %s", id, function)
	return ordertrail.Delivery{}
}

func TestFind(t *testing.T) {
	t.Parallel()
	t.Run("states, events and deliveries of all services are in the order of time", func(t *testing.T) {
		t.Parallel()
		trail := mustOpen(t).mustFind(t)
		want := []string{
			"0s pending by customer",
			"0s order order-placed, stock-reserve done after 40ms, webhook-fanout not yet",
			"40ms product stock-reserved, order-confirm done after 40ms",
			"80ms confirmed by system",
			"80ms order order-confirmed, user-notify not yet, webhook-fanout not yet",
		}
		if diff := cmp.Diff(want, describe(trail)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if trail.Reservation != "reserved" || len(trail.Items) != 1 || trail.Items[0].Quantity != 2 || !trail.DecidedAt.Equal(at(80)) ||
			!trail.BrokerUnknown || !trail.MailsUnknown || trail.First != "Assam" {
			t.Errorf("got %+v", trail)
		}
		if e := trail.Steps[1].Event; e.TraceID != traceIDText || !e.Published.Equal(at(5)) || e.Payload != `{"orderId":1}` {
			t.Errorf("event %+v", e)
		}
	})
	t.Run("an event is expected at the payment service only if the order must be paid", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t)
		has := func() bool { return strings.Contains(strings.Join(describe(s.mustFind(t)), "\n"), "payment-request") }
		if has() {
			t.Error("the event of a free order is expected")
		}
		s.mustExec(t, "product", `UPDATE outbox SET attributes = '{"payment":"required"}' WHERE id = ?`, s.reserved[:])
		if !has() {
			t.Error("the event of an order that must be paid is not expected")
		}
	})
	t.Run("an event that is not published yet is unsent", func(t *testing.T) {
		t.Parallel()
		s, id := mustOpen(t), newID(t)
		s.mustAdd(t, "order", "order-shipped", id, 90, -1)
		if d := delivery(t, s.mustFind(t), id, "user-notify"); d.State != ordertrail.Unsent {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("an order that does not exist is not found", func(t *testing.T) {
		t.Parallel()
		if _, err := mustOpen(t).Find(t.Context(), uuid.New()); !errors.Is(err, ordertrail.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a database that is down is an error", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t)
		if err := s.Databases["user"].Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(t.Context(), s.order); err == nil || !strings.Contains(err.Error(), "service user") {
			t.Errorf("got %v", err)
		}
	})
}

func TestUndelivered(t *testing.T) {
	t.Parallel()
	s := mustOpen(t)
	var messages []pubsub.Peeked
	s.Undelivered = func(match func(map[string]string) bool) (found []pubsub.Peeked) {
		for _, m := range messages {
			if match(m.Attributes) {
				found = append(found, m)
			}
		}
		return found
	}
	attributes := map[string]string{"id": s.confirmed.String()}
	for _, test := range []struct {
		name     string
		messages []pubsub.Peeked
		state    string
		attempts int
		reason   string
	}{
		{"a message that the broker does not have is missing", nil, ordertrail.Missing, 0, ""},
		{"a message of another event does not count", []pubsub.Peeked{{
			Subscription: "user-notify.order-confirmed", Attributes: map[string]string{"id": uuid.NewString()}, Attempt: 9,
		}}, ordertrail.Missing, 0, ""},
		{"a message that waits has failed before", []pubsub.Peeked{{
			Subscription: "user-notify.order-confirmed", Attributes: attributes, Attempt: 4, State: pubsub.StateWaiting, Due: at(1000),
		}}, pubsub.StateWaiting, 3, ""},
		{"a message in flight counts its attempt", []pubsub.Peeked{{
			Subscription: "user-notify.order-confirmed", Attributes: attributes, Attempt: 4, State: pubsub.StateInFlight,
		}}, pubsub.StateInFlight, 4, ""},
		{"a dead letter has its reason", []pubsub.Peeked{{
			Subscription: "user-notify.order-confirmed.dead-letter", State: pubsub.StateReady, Attributes: map[string]string{
				"id": s.confirmed.String(), pubsub.AttributeDeliveryCount: "100", pubsub.AttributeErrorMessage: "500",
			},
		}}, ordertrail.DeadLetter, 100, "500"},
	} {
		t.Run(test.name, func(t *testing.T) {
			messages = test.messages
			trail := s.mustFind(t)
			d := delivery(t, trail, s.confirmed, "user-notify")
			if d.State != test.state || d.Attempts != test.attempts || d.Reason != test.reason || trail.BrokerUnknown {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// TestUnrecorded requires that an event which the broker does not have any more is delivered to a
// function that records no events.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	s := mustOpen(t)
	if d := delivery(t, s.mustFind(t), s.confirmed, "webhook-fanout"); d.State != ordertrail.Unknown {
		t.Errorf("without a broker: got %+v", d)
	}
	var messages []pubsub.Peeked
	s.Undelivered = func(func(map[string]string) bool) []pubsub.Peeked { return messages }
	if d := delivery(t, s.mustFind(t), s.confirmed, "webhook-fanout"); d.State != ordertrail.Delivered {
		t.Errorf("got %+v", d)
	}
	messages = []pubsub.Peeked{{
		Subscription: "webhook-fanout.order-confirmed", Attributes: map[string]string{"id": s.confirmed.String()}, State: pubsub.StateReady,
	}}
	if d := delivery(t, s.mustFind(t), s.confirmed, "webhook-fanout"); d.State != pubsub.StateReady {
		t.Errorf("while it waits: got %+v", d)
	}
}

func TestMailsAndTraces(t *testing.T) {
	t.Parallel()
	s := mustOpen(t)
	s.mustReceive(t, "user", "user-notify", s.confirmed, 200)
	s.Mails = func(context.Context) ([]ordertrail.Mail, error) {
		return []ordertrail.Mail{
			{MessageID: "<" + s.confirmed.String() + "@souk.test>", Subject: "Your order is confirmed"},
			{MessageID: uuid.NewString() + "@souk.test", Subject: "another"},
		}, nil
	}
	s.Traces = trace.New(trace.Options{})
	id, err := oteltrace.TraceIDFromHex(traceIDText)
	if err != nil {
		t.Fatal(err)
	}
	for attempt := range 3 {
		s.Traces.Add(&trace.Span{TraceID: id, ID: oteltrace.SpanID{byte(attempt + 1)}, Service: "order-confirm", Attributes: []trace.Attribute{
			{Key: "souk.event_id", Value: s.reserved.String()},
			{Key: "messaging.destination.subscription.name", Value: "order-confirm.stock-reserved"},
			{Key: "messaging.gcp_pubsub.message.delivery_attempt", Value: string(rune('1' + attempt))},
		}})
	}
	other := oteltrace.TraceID{1}
	s.Traces.Add(&trace.Span{TraceID: other, ID: oteltrace.SpanID{1}, Start: placedAt, Attributes: []trace.Attribute{{Key: trace.OrderID, Value: s.order.String()}}})
	trail := s.mustFind(t)
	if d := delivery(t, trail, s.confirmed, "user-notify"); d.State != ordertrail.Done || len(d.Mails) != 1 || d.Mails[0].Subject != "Your order is confirmed" {
		t.Errorf("got %+v", d)
	}
	if d := delivery(t, trail, s.reserved, "order-confirm"); d.Attempts != 3 || len(d.Mails) != 0 {
		t.Errorf("got %+v", d)
	}
	if len(trail.Traces) != 2 || trail.Traces[1].ID != other.String() || trail.MailsUnknown {
		t.Errorf("traces %+v", trail.Traces)
	}
	s.Mails = func(context.Context) ([]ordertrail.Mail, error) { return nil, errors.New("down") }
	if !s.mustFind(t).MailsUnknown {
		t.Error("mails are not unknown although the mail server is down")
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	s := mustOpen(t)
	id := s.order.String()
	list := func(f ordertrail.Filter) int {
		t.Helper()
		found, err := s.Recent(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	other := uuid.New()
	for name, test := range map[string]struct {
		filter ordertrail.Filter
		want   int
	}{
		"no filter":                  {ordertrail.Filter{}, 1},
		"the id":                     {ordertrail.Filter{ID: id}, 1},
		"the id without hyphens":     {ordertrail.Filter{ID: strings.ToUpper(strings.ReplaceAll(id, "-", ""))}, 1},
		"the beginning of the id":    {ordertrail.Filter{ID: id[:13]}, 1},
		"another id":                 {ordertrail.Filter{ID: "ffff"}, 0},
		"the status":                 {ordertrail.Filter{Status: "confirmed"}, 1},
		"another status":             {ordertrail.Filter{Status: "pending"}, 0},
		"a customer without orders":  {ordertrail.Filter{UserID: other}, 0},
		"a limit above the number":   {ordertrail.Filter{Limit: 5}, 1},
		"all digits of one id given": {ordertrail.Filter{ID: strings.Repeat("f", 32)}, 0},
	} {
		t.Run("lists by "+name, func(t *testing.T) {
			if got := list(test.filter); got != test.want {
				t.Errorf("%d orders, want %d", got, test.want)
			}
		})
	}
	for _, text := range []string{"xyz", strings.Repeat("0", 33)} {
		if _, err := s.Recent(t.Context(), ordertrail.Filter{ID: text}); !errors.Is(err, ordertrail.ErrInvalidID) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
