package event_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, event.Migrations),
		// Runs from the import on; the Cloud SQL connector's metrics pull it in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// errDown is what a publisher says that cannot publish.
var errDown = errors.New("Pub/Sub is down")

// house is a service's outbox with everything about it in the test's hands.
type house struct {
	*event.Outbox
	db *database.DB

	mu        sync.Mutex
	now       time.Time
	published []event.Event
	// refuse says which events Pub/Sub does not take; nil: it takes all.
	refuse func(event.Event) error
	// onPublish, unless nil, is called before events are taken.
	onPublish func(ctx context.Context, events []event.Event)
	// onPause replaces the pauses of sweeps.
	onPause func(d time.Duration) bool
	// slow has events be taken when the publisher's time ends.
	slow bool
}

// thingMade is the topic of most tests.
var thingMade = event.NewTopic[int]("thing-made", "thing")

func open(t *testing.T) *house {
	t.Helper()
	h := &house{db: dbtest.New(t, event.Migrations), now: time.Date(2026, 5, 6, 7, 8, 9, 123_456_000, time.UTC)}
	h.Outbox = event.NewOutbox(h.db, h, h.clock, h.pause)
	return h
}

// pause has the time of a sweep pass.
func (h *house) pause(_ context.Context, d time.Duration) bool {
	if h.onPause != nil {
		return h.onPause(d)
	}
	h.pass(d)
	return true
}

// Publish makes house an event.Publisher.
func (h *house) Publish(ctx context.Context, events []event.Event) []error {
	if h.onPublish != nil {
		h.onPublish(ctx, events)
	}
	if h.slow {
		<-ctx.Done()
		ctx = context.WithoutCancel(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	errs := make([]error, len(events))
	for i, e := range events {
		if ctx.Err() != nil {
			errs[i] = ctx.Err()
		} else if h.refuse != nil {
			errs[i] = h.refuse(e)
		}
		if errs[i] == nil {
			h.published = append(h.published, e)
		}
	}
	return errs
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// down makes Pub/Sub refuse every event, or take them again.
func (h *house) down(is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = nil
	if is {
		h.refuse = func(event.Event) error { return errDown }
	}
}

// publishedPayloads returns the payloads that were published, in order.
func (h *house) publishedPayloads() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var payloads []string
	for _, e := range h.published {
		payloads = append(payloads, string(e.Payload))
	}
	return payloads
}

func (h *house) requirePublished(t *testing.T, want ...string) {
	t.Helper()
	if got := h.publishedPayloads(); !slices.Equal(got, want) {
		t.Errorf("published were %v, want %v", got, want)
	}
}

// mustAdd adds events to the outbox in one transaction, one for each payload.
func (h *house) mustAdd(t *testing.T, eventType string, payloads ...int) {
	t.Helper()
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		for _, payload := range payloads {
			if err := event.NewTopic[int](eventType, "thing").Add(ctx, tx, h.Outbox, uuid.New(), payload); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("add %v: %v", payloads, err)
	}
}

func (h *house) mustSweep(t *testing.T) {
	t.Helper()
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

func (h *house) mustCount(t *testing.T, from string, want int) {
	t.Helper()
	var n int
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+from).Scan(&n); err != nil {
		t.Fatalf("count %s: %v", from, err)
	}
	if n != want {
		t.Errorf("there are %d rows in %s, want %d", n, from, want)
	}
}

func (h *house) mustExec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := h.db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// containsMark reports whether a statement marks events as published.
func containsMark(statement string) bool {
	return strings.Contains(statement, "UPDATE outbox SET published_at")
}
