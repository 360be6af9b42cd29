package payment

import (
	"cmp"
	"encoding/json"
	"time"
)

// event is a change of a payment, to be posted to the webhook URL.
type event struct {
	eventName
	// payment is the payment after the change.
	payment  *entry
	sequence int64

	// settled is set once the event is not sent again: it is delivered or lost.
	settled         bool
	delivered, lost bool
	duplicate       bool
	attempts        int
	lastError       string
	// nextAt is when it is sent, zero while it is being sent.
	nextAt time.Time
}

// Event is an event as clients receive it.
type Event struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"createdAt"`
	Payment   Payment   `json:"payment"`
	// Delivery is the state of the callback. It is not in the callback itself.
	Delivery *Delivery `json:"delivery,omitempty"`
}

// Delivery is the state of a callback.
type Delivery struct {
	// Delivered reports whether a request had a 2xx response; Lost, whether a fault drops it.
	Delivered bool   `json:"delivered"`
	Lost      bool   `json:"lost,omitempty"`
	Attempts  int    `json:"attempts"`
	LastError string `json:"lastError,omitempty"`
}

// view returns an event with its delivery.
func (e *event) view() Event {
	return Event{
		ID: e.ID, Type: e.Type, CreatedAt: e.CreatedAt, Payment: e.payment.Payment,
		Delivery: &Delivery{Delivered: e.delivered, Lost: e.lost, Attempts: e.attempts, LastError: e.lastError},
	}
}

// body returns the body of the callback.
func (e *event) body() ([]byte, error) {
	return json.Marshal(Event{ID: e.ID, Type: e.Type, CreatedAt: e.CreatedAt, Payment: e.payment.Payment})
}

// enqueue schedules the callback of a new event. Those of a replayed journal have no faults. The
// caller must hold mu.
func (p *Provider) enqueue(e *event, withFaults bool) {
	if withFaults {
		if f, injected := p.faults.take(OperationCallback); injected {
			p.enqueueFaulty(e, f)
			return
		}
	}
	p.schedule(e, e.CreatedAt)
}

func (p *Provider) enqueueFaulty(e *event, f Fault) {
	at := e.CreatedAt
	switch f.Kind {
	case Lose:
		e.lost = true
		p.settle(e)
		return
	case Duplicate:
		e.duplicate = true
	case Reorder:
		p.behind = append(p.behind, e)
		fallthrough
	case Delay:
		at = at.Add(cmp.Or(f.delay(), defaultDelay))
	}
	p.schedule(e, at)
}

// schedule sets when an event is sent.
func (p *Provider) schedule(e *event, at time.Time) {
	e.nextAt = at
	p.callbacks.push(at, e.sequence, e)
}

// settle records that an event is not sent again. If the record is lost, it is sent once more
// after a restart.
func (p *Provider) settle(e *event) {
	if e.settled {
		return
	}
	if p.journal != nil {
		if err := p.journal.append(record{Settled: e.ID, Lost: e.lost}); err != nil {
			p.options.Logger.Warn("record the delivery of a callback", "event", e.ID, "error", err)
		}
	}
	e.settled = true
}

// claim returns the next event that is due, which the caller sends.
func (p *Provider) claim() (e *event, webhookURL string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	now := p.now()
	for p.webhookURL != "" {
		e, at, ok := p.callbacks.pop(now)
		if !ok {
			return nil, ""
		}
		if !e.settled && e.nextAt.Equal(at) {
			e.nextAt = time.Time{}
			e.attempts++
			return e, p.webhookURL
		}
	}
	return nil, ""
}

// sent records the result of sending an event.
func (p *Provider) sent(e *event, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		e.lastError = err.Error()
		p.schedule(e, p.now().Add(p.backoff(e.attempts)))
	} else {
		e.delivered, e.lastError = true, ""
		p.settle(e)
		p.release(e)
	}
	p.wake()
}

// release schedules the events that wait for a later one.
func (p *Provider) release(sent *event) {
	remaining := p.behind[:0]
	for _, e := range p.behind {
		switch {
		case e.sequence > sent.sequence:
			remaining = append(remaining, e)
		case !e.settled && !e.nextAt.IsZero():
			p.schedule(e, p.now())
		}
	}
	clear(p.behind[len(remaining):])
	p.behind = remaining
}

// backoff returns the time after a number of failed attempts until the next.
func (p *Provider) backoff(attempts int) time.Duration {
	backoff := p.options.MinBackoff
	for range attempts - 1 {
		if backoff *= 2; backoff >= p.options.MaxBackoff {
			return p.options.MaxBackoff
		}
	}
	return min(backoff, p.options.MaxBackoff)
}
