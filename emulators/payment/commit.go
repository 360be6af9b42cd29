package payment

import (
	"fmt"
	"time"
)

// record is a line of the journal: a change of a payment, with its event and the idempotency
// key of its request, or the delivery of an event.
type record struct {
	Header  *header    `json:"header,omitempty"`
	Payment *entry     `json:"payment,omitempty"`
	Event   *eventName `json:"event,omitempty"`
	Key     *storedKey `json:"key,omitempty"`
	// Settled is the id of an event that is not sent again.
	Settled string `json:"settled,omitempty"`
	// Lost reports that it was never sent.
	Lost bool `json:"lost,omitempty"`
}

// eventName is what an event has besides its payment.
type eventName struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"createdAt"`
}

// attemptFailed is the type of the event for a declined card after which the customer can try
// another.
const attemptFailed = "payment.attempt_failed"

// change replaces a payment by its next version and records the event. The caller must hold mu.
func (p *Provider) change(old *entry, next entry, key *storedKey) (*entry, error) {
	if !old.State.allows(next.State) {
		return nil, fmt.Errorf("payment %s: %s cannot follow %s", old.ID, next.State, old.State)
	}
	next.Version = old.Version + 1
	next.UpdatedAt = p.now()
	id, err := newID("evt_")
	if err != nil {
		return nil, err
	}
	name := &eventName{ID: id, Type: "payment." + string(next.State), CreatedAt: next.UpdatedAt}
	if next.State == RequiresPayment {
		name.Type = attemptFailed
	}
	return &next, p.commit(record{Payment: &next, Event: name, Key: key})
}

// commit writes a record to the journal, then applies it. The caller must hold mu, and call
// sync before it responds.
func (p *Provider) commit(r record) error {
	if p.journal != nil {
		if err := p.journal.append(r); err != nil {
			return err
		}
	}
	p.apply(r)
	if r.Event != nil {
		p.enqueue(p.events[len(p.events)-1], true)
	}
	p.wake()
	return nil
}

// sync waits until all changes up to now are on the disk.
func (p *Provider) sync() error {
	if p.journal == nil {
		return nil
	}
	return p.journal.sync()
}

// replay applies a record of the journal at the start.
func (p *Provider) replay(r record) error {
	switch {
	case r.Payment != nil:
		i, exists := p.index[r.Payment.ID]
		if exists && !p.payments[i].State.allows(r.Payment.State) {
			return fmt.Errorf("payment %s: %s cannot follow %s", r.Payment.ID, r.Payment.State, p.payments[i].State)
		}
		if !exists && r.Payment.Sequence != int64(len(p.payments))+1 {
			return fmt.Errorf("payment %s: number %d after %d payments", r.Payment.ID, r.Payment.Sequence, len(p.payments))
		}
		p.last = r.Payment.UpdatedAt
	case r.Settled != "":
		if p.eventIndex[r.Settled] == nil {
			return fmt.Errorf("event %s is settled before it is recorded", r.Settled)
		}
	default:
		return fmt.Errorf("record without a payment or an event")
	}
	p.apply(r)
	if r.Event != nil {
		p.enqueue(p.events[len(p.events)-1], false)
	}
	return nil
}

// apply changes the state by a record, which must be valid.
func (p *Provider) apply(r record) {
	if r.Settled != "" {
		e := p.eventIndex[r.Settled]
		e.settled, e.delivered, e.lost = true, !r.Lost, r.Lost
		return
	}
	e := r.Payment
	i, exists := p.index[e.ID]
	if exists {
		p.book(e.Currency, e.CapturedAmount-p.payments[i].CapturedAmount, e.RefundedAmount-p.payments[i].RefundedAmount)
		p.payments[i] = e
	} else {
		i = len(p.payments)
		p.payments = append(p.payments, e)
		p.index[e.ID], p.tokens[e.Token] = i, i
		p.references[e.Reference] = append(p.references[e.Reference], i)
		p.book(e.Currency, e.CapturedAmount, e.RefundedAmount)
	}
	if !e.Due.IsZero() {
		p.due.push(e.Due, int64(i), i)
	}
	if r.Event != nil {
		ev := &event{eventName: *r.Event, payment: e, sequence: int64(len(p.events)) + 1}
		p.events = append(p.events, ev)
		p.eventIndex[ev.ID] = ev
	}
	if r.Key != nil {
		r.Key.response = e
		p.keys[r.Key.Key] = r.Key
		p.keyOrder = append(p.keyOrder, r.Key)
	}
}
