package scheduler

import (
	"context"
	"time"
)

// Clock tells the time and waits for it.
type Clock interface {
	Now() time.Time
	// WaitUntil returns nil once Now is not before t, or ctx's error.
	WaitUntil(ctx context.Context, t time.Time) error
}

// glance is how long the machine's clock is trusted to run on. Timers stand still
// while a laptop sleeps: without a glance at the clock a tick would be late by as
// long as the machine slept.
const glance = 10 * time.Second

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) WaitUntil(ctx context.Context, t time.Time) error {
	t = t.Round(0) // Without its monotonic reading, so that the wall clock counts.
	for {
		left := t.Sub(time.Now().Round(0))
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(min(left, glance))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
