package order

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// The interval of polls is the age of the youngest request that waits, within these bounds. It
// is short at first because most orders are confirmed or rejected within milliseconds.
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
// If the time is over or the process is stopping, it returns the order unchanged. Other
// functions change the order's status, so it is polled in the database.
func (s *service) waitWhilePending(ctx context.Context, o Order, wait time.Duration) (Order, error) {
	end, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	decided, err := s.decisions.wait(end, o.ID)
	switch {
	case ctx.Err() != nil:
		return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, ctx.Err())
	case err != nil:
		return Order{}, fmt.Errorf("wait for order %s: %w", o.ID, err)
	case decided == nil:
		return o, nil
	}
	return *decided, nil
}

// decisionPoll polls the orders that requests of the process wait for: with one statement at a
// time for all of them, sent by one of the requests.
type decisionPoll struct {
	db *database.DB
	// poller is a semaphore of 1.
	poller chan struct{}

	mu      sync.Mutex
	waiting map[*decision]bool
}

// decision is an order that a request waits for.
type decision struct {
	orderID uuid.UUID
	since   time.Time
	made    chan struct{} // closed when the order is no longer pending and is set
	order   Order
}

func newDecisionPoll(db *database.DB) *decisionPoll {
	return &decisionPoll{db: db, poller: make(chan struct{}, 1), waiting: map[*decision]bool{}}
}

// wait waits until an order is no longer pending, and returns it. It returns nil if ctx ends before
// that, or the process is stopping.
func (p *decisionPoll) wait(ctx context.Context, orderID uuid.UUID) (*Order, error) {
	d := &decision{orderID: orderID, since: time.Now(), made: make(chan struct{})}
	p.mu.Lock()
	p.waiting[d] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, d)
	}()
	for {
		select {
		case <-d.made:
			return &d.order, nil
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // as documented
		case <-function.Stopping(ctx):
			return nil, nil //nolint:nilnil // as documented
		case p.poller <- struct{}{}:
			if err := p.lead(ctx, d); err != nil && ctx.Err() == nil {
				return nil, err
			}
		}
	}
}

// lead polls once and releases the semaphore, also after a panic: other requests wait for it.
func (p *decisionPoll) lead(ctx context.Context, own *decision) error {
	defer func() { <-p.poller }()
	return p.poll(ctx, own)
}

// poll waits for the interval and reads all orders that are waited for and decided, unless own was
// decided meanwhile.
func (p *decisionPoll) poll(ctx context.Context, own *decision) error {
	timer := time.NewTimer(p.interval())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-own.made:
		return nil
	case <-ctx.Done():
		return nil
	case <-function.Stopping(ctx):
		return nil
	}
	waiting := p.snapshot()
	if len(waiting) == 0 { // own was decided when the interval was over
		return nil
	}
	ids := map[uuid.UUID]bool{}
	for _, d := range waiting {
		ids[d.orderID] = true
	}
	decided, err := selectDecided(ctx, p.db, database.SortedIDs(maps.Keys(ids)))
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range waiting {
		at := slices.IndexFunc(decided, func(o Order) bool { return o.ID == d.orderID })
		if at >= 0 && p.waiting[d] {
			delete(p.waiting, d)
			d.order = decided[at]
			close(d.made)
		}
	}
	return nil
}

func (p *decisionPoll) snapshot() []*decision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.waiting))
}

// interval returns the time until the next poll.
func (p *decisionPoll) interval() time.Duration {
	youngest := maxPollInterval
	for _, d := range p.snapshot() {
		youngest = min(youngest, time.Since(d.since))
	}
	return max(youngest, minPollInterval)
}
