package scheduler

import (
	"context"
	"time"
)

// Clock returns the time and waits for a time.
type Clock interface {
	Now() time.Time
	// WaitUntil returns nil once Now is not before t, or ctx's error.
	WaitUntil(ctx context.Context, t time.Time) error
}

// checkInterval is the longest time between two reads of the wall clock. Timers stop
// while a laptop is suspended: without this check, a tick would be late by the time of
// the suspension.
const checkInterval = 10 * time.Second

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) WaitUntil(ctx context.Context, t time.Time) error {
	t = t.Round(0) // strips the monotonic reading, so that the wall clock counts
	for {
		remaining := t.Sub(time.Now().Round(0))
		if remaining <= 0 {
			return nil
		}
		timer := time.NewTimer(min(remaining, checkInterval))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
