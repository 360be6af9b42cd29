package order

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"souk/shared/function"
)

// The interval at which waitWhilePending polls the order doubles from the minimum to the
// maximum. It starts short because most orders are confirmed or rejected within milliseconds.
const (
	minPollInterval = 5 * time.Millisecond
	maxPollInterval = 100 * time.Millisecond
)

// wait waits, if the request has `Prefer: wait` (RFC 7240), until a placed order is no longer
// pending, and returns the response with the order. It returns the order as it was placed if
// the requested time is over, the process is stopping, or an error occurs: the order is
// stored in each of these cases. It returns nil if the request has no such header.
func (s *service) wait(ctx context.Context, in *placeInput, placed *orderResponse) *orderResponse {
	wait, applied := in.Wait()
	if wait == 0 {
		return nil
	}
	o, err := s.waitWhilePending(ctx, placed.Body, wait)
	if err != nil {
		slog.WarnContext(ctx, "cannot wait for order; responding with the order as placed", "order", placed.Body.ID, "error", err)
		o = placed.Body
	}
	response := newResponseWithLocation(o)
	response.PreferenceApplied = applied
	return response
}

// waitWhilePending waits until an order is no longer pending and returns the changed order.
// If the time is over or the process is stopping, it returns the order unchanged. It polls
// the database, because other functions change the order's status.
func (s *service) waitWhilePending(ctx context.Context, o Order, wait time.Duration) (Order, error) {
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
