package functiontest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
)

// NewEvent returns an event as another service would publish it.
func NewEvent(t testing.TB, eventType string, payload any) event.Event {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatalf("marshal %s: %v", eventType, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatalf("make an event id: %v", err)
	}
	return event.Event{ID: id, Type: eventType, Time: time.Now(), Payload: text}
}

// Deliver sends an event to a function the way Pub/Sub does and returns the answer.
// An event that no service would publish fails the test.
func (s *Server) Deliver(t testing.TB, function string, e event.Event) Response {
	t.Helper()
	if s.contract != nil {
		if err := s.contract.CheckDelivered(e); err != nil {
			t.Error(err)
		}
	}
	return s.DeliverUnchecked(t, function, e)
}

// DeliverUnchecked is Deliver for an event that need not be right.
func (s *Server) DeliverUnchecked(t testing.TB, function string, e event.Event) Response {
	t.Helper()
	return s.Do(t, Request{
		Method: http.MethodPost, Path: "/" + function, Token: s.Tokens.Push(t),
		Body: map[string]any{
			"message": map[string]any{
				"data": []byte(e.Payload), "attributes": e.Attributes(),
				"messageId": "1", "publishTime": e.Time,
			},
			"subscription":    fmt.Sprintf("projects/test/subscriptions/%s.%s", function, e.Type),
			"deliveryAttempt": 1,
		},
	})
}

// Recorder is a publisher that keeps what it is given.
type Recorder struct {
	mu     sync.Mutex
	events []event.Event
	fault  error
	check  func(event.Event) // of what is published, nil for none
}

// Publish keeps the events, or fails for all while FailWith is set.
func (r *Recorder) Publish(_ context.Context, events []event.Event) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = r.fault
	}
	if r.fault == nil {
		r.events = append(r.events, events...)
	}
	if r.check != nil {
		for _, e := range events {
			r.check(e)
		}
	}
	return errs
}

// FailWith makes every Publish from now on fail with err, or succeed with nil.
func (r *Recorder) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = err
}

// Of returns the events of a type that were published, in order.
func (r *Recorder) Of(eventType string) []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var of []event.Event
	for _, e := range r.events {
		if e.Type == eventType {
			of = append(of, e)
		}
	}
	return of
}
