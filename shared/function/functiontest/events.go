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

// NewEvent returns a new event, as another service would publish it.
func NewEvent(t testing.TB, eventType string, payload any) event.Event {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatalf("marshal %s: %v", eventType, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatalf("create an event id: %v", err)
	}
	return event.Event{ID: id, Type: eventType, Time: time.Now(), Payload: text}
}

// Deliver sends an event to a function as Pub/Sub does and returns the response. An event
// that differs from its schema fails the test.
func (s *Server) Deliver(t testing.TB, function string, e event.Event) Response {
	t.Helper()
	if s.contract != nil {
		if err := s.contract.CheckDelivered(e); err != nil {
			t.Error(err)
		}
	}
	return s.DeliverUnchecked(t, function, e)
}

// DeliverUnchecked is like Deliver and does not check the event.
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

// Recorder is a publisher that records events.
type Recorder struct {
	mu     sync.Mutex
	events []event.Event
	err    error
	check  func(event.Event) // called for each published event unless nil
}

// Publish records the events, or fails for all of them after FailWith.
func (r *Recorder) Publish(_ context.Context, events []event.Event) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = r.err
	}
	if r.err == nil {
		r.events = append(r.events, events...)
	}
	if r.check != nil {
		for _, e := range events {
			r.check(e)
		}
	}
	return errs
}

// FailWith sets the error of every following Publish, nil for none.
func (r *Recorder) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// Events returns the published events of a type, in order.
func (r *Recorder) Events(eventType string) []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var published []event.Event
	for _, e := range r.events {
		if e.Type == eventType {
			published = append(published, e)
		}
	}
	return published
}
