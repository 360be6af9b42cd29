package order

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/function"
)

// The interval at which waitDecided polls the order doubles from the minimum to the
// maximum: most orders are decided within some milliseconds.
const (
	minPollInterval = 5 * time.Millisecond
	maxPollInterval = 100 * time.Millisecond
)

// wait returns the order once it is decided, if the request prefers to wait. It returns
// the order as it was placed when the wait is over, when the process stops, and after an
// error, because the order is placed in any case.
func (s *service) wait(ctx context.Context, in *placeInput, placed *orderResponse) *orderResponse {
	wait, applied := in.Wait()
	if wait == 0 {
		return nil
	}
	o, err := s.waitDecided(ctx, placed.Body, wait)
	if err != nil {
		slog.WarnContext(ctx, "cannot wait for the order, return it as placed", "order", placed.Body.ID, "error", err)
		o = placed.Body
	}
	response := newLocatedResponse(o)
	response.PreferenceApplied = applied
	return response
}

// waitDecided returns the order once it is no longer pending, or unchanged when the wait
// is over or the process stops. It polls the database, because another function decides
// the order.
func (s *service) waitDecided(ctx context.Context, o Order, wait time.Duration) (Order, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for interval := minPollInterval; ; interval = min(2*interval, maxPollInterval) {
		poll := time.NewTimer(interval)
		select {
		case <-ctx.Done():
			poll.Stop()
			return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, ctx.Err())
		case <-timeout.C:
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
