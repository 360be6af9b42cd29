package payment

import (
	"net/http"
	"slices"

	"souk/shared/api"
)

// amountInput is the body of a request to capture or refund.
type amountInput struct {
	// Amount is in minor units. Without it: all that is possible.
	Amount *int64 `json:"amount,omitempty"`
}

// within returns the amount, which must be from 1 to the most that is possible.
func (in amountInput) within(most int64, what string) (int64, error) {
	if in.Amount == nil {
		return most, nil
	}
	if *in.Amount < 1 {
		return 0, api.Invalid("body.amount", api.FieldRange, "must be 1 or more")
	}
	if *in.Amount > most {
		return 0, api.NewProblem(http.StatusConflict, "amount_exceeded", "The amount %d is above the %d that can be %s.", *in.Amount, most, what)
	}
	return *in.Amount, nil
}

// stateConflict is the 409 for an operation that the payment's state does not allow.
func stateConflict(e *entry, operation string) error {
	return api.NewProblem(http.StatusConflict, "payment_state", "The payment is %s, which does not allow to %s it.", e.State, operation)
}

// capture handles POST /v1/payments/{id}/capture. The caller must hold mu.
func (p *Provider) capture(id string, in amountInput, key *storedKey) (*entry, error) {
	e, err := p.find(id)
	if err != nil {
		return nil, err
	}
	if e.State != Authorized {
		return nil, stateConflict(e, "capture")
	}
	amount, err := in.within(e.Amount, "captured")
	if err != nil {
		return nil, err
	}
	next := *e
	p.take(&next, amount)
	return p.change(e, next, key)
}

// take captures an amount, now or later.
func (p *Provider) take(next *entry, amount int64) {
	next.clearDue()
	if next.Late {
		next.State, next.Pending, next.Due = Processing, amount, p.now().Add(p.options.Late)
		return
	}
	next.State, next.CapturedAmount = Captured, amount
}

// void handles POST /v1/payments/{id}/void. The caller must hold mu.
func (p *Provider) void(id string, _ struct{}, key *storedKey) (*entry, error) {
	e, err := p.find(id)
	if err != nil {
		return nil, err
	}
	if !e.State.allows(Voided) {
		return nil, stateConflict(e, "void")
	}
	next := *e
	next.clearDue()
	next.State = Voided
	return p.change(e, next, key)
}

// refund handles POST /v1/payments/{id}/refunds. The caller must hold mu.
func (p *Provider) refund(id string, in amountInput, key *storedKey) (*entry, error) {
	e, err := p.find(id)
	if err != nil {
		return nil, err
	}
	if e.State != Captured && e.State != PartiallyRefunded {
		return nil, stateConflict(e, "refund")
	}
	if len(e.Refunds) >= maxRefunds {
		return nil, api.NewProblem(http.StatusConflict, "too_many_refunds", "A payment has at most %d refunds.", maxRefunds)
	}
	amount, err := in.within(e.refundable(), "refunded")
	if err != nil {
		return nil, err
	}
	return p.giveBack(e, amount, "requested", key)
}

// giveBack adds a refund to a payment.
func (p *Provider) giveBack(e *entry, amount int64, reason string, key *storedKey) (*entry, error) {
	id, err := newID("ref_")
	if err != nil {
		return nil, err
	}
	next := *e
	next.Refunds = append(slices.Clip(e.Refunds), Refund{ID: id, Amount: amount, Reason: reason, CreatedAt: p.now()})
	next.RefundedAmount += amount
	next.State = settledState(&next)
	return p.change(e, next, key)
}

// settledState returns the state of a captured payment by its refunds.
func settledState(e *entry) State {
	switch e.refundable() {
	case e.CapturedAmount:
		return Captured
	case 0:
		return Refunded
	default:
		return PartiallyRefunded
	}
}

// Outcomes of a dispute.
const (
	DisputeOpened = "opened" // the payment is disputed
	DisputeWon    = "won"    // the payment is as before
	DisputeLost   = "lost"   // all of the money is refunded
)

// Dispute opens a dispute of a captured payment, or decides it. A payment has one at most.
func (p *Provider) Dispute(id, outcome string) (Payment, error) {
	p.mu.Lock()
	e, err := p.dispute(id, outcome)
	p.mu.Unlock()
	if err != nil {
		return Payment{}, err
	}
	return p.view(e), p.sync()
}

func (p *Provider) dispute(id, outcome string) (*entry, error) {
	p.advance()
	e, err := p.find(id)
	if err != nil {
		return nil, err
	}
	next := *e
	switch outcome {
	case DisputeOpened:
		if !e.State.allows(Disputed) || e.WasDisputed {
			return nil, stateConflict(e, "dispute")
		}
		next.State, next.WasDisputed = Disputed, true
	case DisputeWon, DisputeLost:
		if e.State != Disputed {
			return nil, stateConflict(e, "decide a dispute of")
		}
		if outcome == DisputeLost {
			return p.giveBack(e, e.refundable(), "disputed", nil)
		}
		next.State = settledState(e)
	default:
		return nil, api.Invalid("body.outcome", api.FieldValue, "must be opened, won or lost")
	}
	return p.change(e, next, nil)
}
