package order

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/function"
)

// How often waitDecided reads the order: often at first, for most orders are decided
// within some milliseconds, then less often.
const (
	firstPoll   = 5 * time.Millisecond
	longestPoll = 100 * time.Millisecond
)

// wait returns the order once it is decided, if the customer prefers to wait, or as
// it was placed: at the end of the wait, when the process is to stop, and after an
// error, for the order is placed either way.
func (s *service) wait(ctx context.Context, in *placeInput, placed *answer) *answer {
	wait, applied := in.Wait()
	if wait == 0 {
		return nil
	}
	o, err := s.waitDecided(ctx, placed.Body, wait)
	if err != nil {
		slog.WarnContext(ctx, "the order is shown as it was placed", "order", placed.Body.ID, "error", err)
		o = placed.Body
	}
	shown := showAt(o)
	shown.PreferenceApplied = applied
	return shown
}

// waitDecided returns the order once it is no longer pending, or as it is when the
// time is over or the process is to stop. Another function decides it, so it is read
// from the database.
func (s *service) waitDecided(ctx context.Context, o Order, wait time.Duration) (Order, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for pause := firstPoll; ; pause = min(2*pause, longestPoll) {
		poll := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			poll.Stop()
			return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, ctx.Err())
		case <-over.C:
			poll.Stop()
			return o, nil
		case <-function.Stopping(ctx):
			poll.Stop()
			return o, nil
		case <-poll.C:
		}
		status, err := selectStatus(ctx, s.DB, o.ID)
		if err != nil {
			return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, err)
		}
		if status != Pending {
			return selectOrder(ctx, s.DB, o.ID)
		}
	}
}
