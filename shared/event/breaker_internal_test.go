package event

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// scripted is a Publisher that counts its calls and returns err for each event.
type scripted struct {
	calls int
	err   error
	// during is called within a call.
	during func(context.Context)
}

func (s *scripted) Publish(ctx context.Context, events []Event) []error {
	s.calls++
	if s.during != nil {
		s.during(ctx)
	}
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = s.err
	}
	return errs
}

var errDown = status.Error(codes.Unavailable, "connection refused")

// mustPublish publishes two events and returns the error of both.
func (b *breaker) mustPublish(t *testing.T) error {
	t.Helper()
	errs := b.Publish(t.Context(), make([]Event, 2))
	if len(errs) != 2 || !errors.Is(errs[0], errs[1]) {
		t.Fatalf("errors %v, want two equal ones", errs)
	}
	return errs[0]
}

// open returns a breaker whose pause has begun, and the clock that it reads.
func open(t *testing.T, s *scripted) (b *breaker, now *time.Time) {
	t.Helper()
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	now, s.err = &at, errDown
	b = &breaker{publisher: s, now: func() time.Time { return *now }}
	for range breakerThreshold {
		if err := b.mustPublish(t); !errors.Is(err, errDown) {
			t.Fatalf("got %v, want %v", err, errDown)
		}
	}
	return b, now
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	t.Run("requests do not publish during the pause", func(t *testing.T) {
		t.Parallel()
		s := &scripted{}
		b, now := open(t, s)
		*now = now.Add(breakerPause - 1)
		if err := b.mustPublish(t); !errors.Is(err, errPaused) || s.calls != breakerThreshold {
			t.Errorf("got %v after %d calls, want no further call", err, s.calls)
		}
	})
	t.Run("one request publishes after the pause, for a shorter time, and its success ends the pause", func(t *testing.T) {
		t.Parallel()
		s := &scripted{}
		b, now := open(t, s)
		*now = now.Add(breakerPause)
		s.err = nil
		s.during = func(ctx context.Context) {
			s.during = nil
			if deadline, limited := ctx.Deadline(); !limited || time.Until(deadline) > probeTimeout {
				t.Errorf("the first request waits until %v", deadline)
			}
			if err := b.mustPublish(t); !errors.Is(err, errPaused) {
				t.Errorf("a second request beside the first: got %v, want %v", err, errPaused)
			}
		}
		for range 2 {
			if err := b.mustPublish(t); err != nil {
				t.Error(err)
			}
		}
		if s.calls != breakerThreshold+2 {
			t.Errorf("%d calls, want %d", s.calls, breakerThreshold+2)
		}
	})
	t.Run("the failure of that request begins another pause", func(t *testing.T) {
		t.Parallel()
		s := &scripted{}
		b, now := open(t, s)
		*now = now.Add(breakerPause)
		if err := b.mustPublish(t); !errors.Is(err, errDown) {
			t.Errorf("got %v, want %v", err, errDown)
		}
		if err := b.mustPublish(t); !errors.Is(err, errPaused) {
			t.Errorf("got %v, want %v", err, errPaused)
		}
	})
	t.Run("a response in between, or with an error, does not count", func(t *testing.T) {
		t.Parallel()
		s := &scripted{}
		b := &breaker{publisher: s, now: time.Now}
		for _, err := range []error{nil, status.Error(codes.NotFound, "no topic"), status.Error(codes.InvalidArgument, "bad")} {
			for _, s.err = range []error{errDown, fmt.Errorf("publish: %w", context.DeadlineExceeded), err} {
				if got := b.mustPublish(t); !errors.Is(got, s.err) {
					t.Errorf("got %v, want %v", got, s.err)
				}
			}
		}
	})
	t.Run("a panic of the first request after the pause lets another one publish", func(t *testing.T) {
		t.Parallel()
		s := &scripted{}
		b, now := open(t, s)
		*now = now.Add(breakerPause)
		s.during = func(context.Context) { panic("test") }
		func() {
			defer func() { _ = recover() }()
			b.Publish(t.Context(), make([]Event, 1))
		}()
		s.during, s.err = nil, nil
		*now = now.Add(breakerPause)
		if err := b.mustPublish(t); err != nil {
			t.Error(err)
		}
	})
}
