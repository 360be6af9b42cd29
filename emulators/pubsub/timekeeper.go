package pubsub

import "time"

// wake makes the timekeeper check the queues at the given time or earlier.
func (b *Broker) wake(at time.Time) {
	if at.IsZero() || !b.wakeAt.IsZero() && !at.Before(b.wakeAt) {
		return
	}
	b.wakeAt = at
	if b.checking {
		return // the timekeeper itself sets its timer to wakeAt when it is done
	}
	select {
	case b.alarm <- struct{}{}:
	default: // a check is pending anyway
	}
}

// runTimekeeper dispatches each subscription when one of its deliveries becomes due,
// and sleeps in between.
func (b *Broker) runTimekeeper() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-b.alarm:
		case <-timer.C:
		}
		if next, ok := b.checkQueues(); ok {
			timer.Reset(next)
		}
	}
}

// checkQueues dispatches due deliveries and returns the time until the next one
// becomes due, if any does.
func (b *Broker) checkQueues() (next time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeUps++
	b.wakeAt = time.Time{}
	if b.stopping || b.paused {
		return 0, false
	}
	b.checking = true
	defer func() { b.checking = false }()
	now := b.now()
	for _, s := range b.subscriptions {
		if due := s.queue.next(); !due.IsZero() && !due.After(now) {
			b.dispatch(s)
		}
		// Dispatching one may have queued a dead letter for another, which called wake.
		b.wake(s.queue.next())
	}
	if b.wakeAt.IsZero() {
		return 0, false
	}
	return b.wakeAt.Sub(b.now()), true
}
