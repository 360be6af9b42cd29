package load

import (
	"context"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// visits starts visits until ctx is done and waits until they have ended. Visits that have
// started continue until settled is done.
func (r *run) visits(ctx, settled context.Context) error {
	if r.options.Rate > 0 {
		return r.openLoop(ctx, settled)
	}
	return r.closedLoop(ctx, settled)
}

// closedLoop runs visits of each user one after the other.
func (r *run) closedLoop(ctx, settled context.Context) error {
	errs := make(chan error, r.options.Users)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var visiting sync.WaitGroup
	for range r.options.Users {
		visiting.Go(func() {
			for ctx.Err() == nil {
				if err := r.visit(settled, time.Now()); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	visiting.Wait()
	return first(errs)
}

// openLoop starts visits at the rate. If as many visits as there are users have not ended,
// the next ones start late, and their latency includes the delay. Those that have not started
// when ctx is done are counted as not sent.
func (r *run) openLoop(ctx, settled context.Context) error {
	errs := make(chan error, r.options.Users)
	slots := make(chan struct{}, r.options.Users)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var visiting sync.WaitGroup
	started := 0
	for ; ; started++ {
		due := r.begin.Add(time.Duration(float64(started) / r.options.Rate * float64(time.Second)))
		if !waitUntil(ctx, due) {
			break
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		visiting.Go(func() {
			defer func() { <-slots }()
			if err := r.visit(settled, due); err != nil {
				select {
				case errs <- err:
				default: // the first ones are enough
				}
				cancel()
			}
		})
	}
	r.figures.addUnsent(int64(time.Since(r.begin).Seconds()*r.options.Rate) - int64(started))
	visiting.Wait()
	return first(errs)
}

// waitUntil waits for a time and reports whether it came before ctx was done.
func waitUntil(ctx context.Context, due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		return gax.Sleep(ctx, wait) == nil
	}
	return ctx.Err() == nil
}

// first returns the first error of a channel, nil if it has none.
func first(errs <-chan error) error {
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
