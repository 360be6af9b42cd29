package event_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, event.Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// errDown is the error of a publisher that cannot publish.
var errDown = errors.New("Pub/Sub is down")

// fixture is a service's outbox with a clock and a publisher that the test controls.
type fixture struct {
	*event.Outbox
	db *database.DB

	mu        sync.Mutex
	now       time.Time
	published []event.Event
	// reject returns the error of publishing an event; nil accepts all events.
	reject func(event.Event) error
	// onPublish, unless nil, is called before events are published.
	onPublish func(ctx context.Context, events []event.Event)
	// onPause, unless nil, replaces the pauses of sweeps.
	onPause func(d time.Duration) bool
	// slow delays publishing until the publisher's timeout.
	slow bool
}

// thingMade is the topic of most tests.
var thingMade = event.NewTopic[int]("thing-made", "thing")

func open(t *testing.T) *fixture {
	t.Helper()
	h := &fixture{db: dbtest.New(t, event.Migrations), now: time.Date(2026, 5, 6, 7, 8, 9, 123_456_000, time.UTC)}
	h.Outbox = event.NewOutbox(h.db, h, h.clock, h.pause)
	return h
}

// pause advances the clock by a pause of a sweep.
func (h *fixture) pause(_ context.Context, d time.Duration) bool {
	if h.onPause != nil {
		return h.onPause(d)
	}
	h.advance(d)
	return true
}

// Publish implements event.Publisher.
func (h *fixture) Publish(ctx context.Context, events []event.Event) []error {
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
		} else if h.reject != nil {
			errs[i] = h.reject(e)
		}
		if errs[i] == nil {
			h.published = append(h.published, e)
		}
	}
	return errs
}

func (h *fixture) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *fixture) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// setDown sets whether publishing fails with errDown.
func (h *fixture) setDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reject = nil
	if down {
		h.reject = func(event.Event) error { return errDown }
	}
}

// publishedPayloads returns the payloads that were published, in order.
func (h *fixture) publishedPayloads() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var payloads []string
	for _, e := range h.published {
		payloads = append(payloads, string(e.Payload))
	}
	return payloads
}

func (h *fixture) requirePublished(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, h.publishedPayloads()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// mustAdd adds events to the outbox in one transaction, one for each payload.
func (h *fixture) mustAdd(t *testing.T, eventType string, payloads ...int) {
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

func (h *fixture) mustSweep(t *testing.T) {
	t.Helper()
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

func (h *fixture) requireCount(t *testing.T, from string, want int) {
	t.Helper()
	var n int
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+from).Scan(&n); err != nil {
		t.Fatalf("count %s: %v", from, err)
	}
	if n != want {
		t.Errorf("there are %d rows in %s, want %d", n, from, want)
	}
}

func (h *fixture) mustExec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := h.db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// containsMark reports whether a statement marks events as published.
func containsMark(statement string) bool {
	return strings.Contains(statement, "UPDATE outbox SET published_at")
}
