package payment

import (
	"souk/shared/api"
)

// Results of a 3-D Secure challenge.
const (
	ChallengeApprove = "approve"
	ChallengeFail    = "fail"
)

// Pay pays with a test card without the page. A card with a challenge is challenged at once if
// the result is not empty.
func (p *Provider) Pay(id, number, challenge string) (Payment, error) {
	card, text := findCard(number)
	if text != "" {
		return Payment{}, api.Invalid("body.number", api.FieldFormat, "%s", text)
	}
	if challenge != "" && challenge != ChallengeApprove && challenge != ChallengeFail {
		return Payment{}, api.Invalid("body.challenge", api.FieldValue, "must be approve or fail")
	}
	p.mu.Lock()
	e, err := p.payAndChallenge(id, card, challenge)
	p.mu.Unlock()
	if err != nil {
		return Payment{}, err
	}
	return p.view(e), p.sync()
}

func (p *Provider) payAndChallenge(id string, card TestCard, challenge string) (*entry, error) {
	p.advance()
	e, err := p.find(id)
	if err == nil {
		e, err = p.attempt(e, card)
	}
	if err == nil && e.State == RequiresAction && challenge != "" {
		e, err = p.challenge(e, challenge == ChallengeApprove)
	}
	return e, err
}

// attempt pays with a card. The caller must hold mu.
func (p *Provider) attempt(e *entry, card TestCard) (*entry, error) {
	if e.State != RequiresPayment {
		return nil, stateConflict(e, "pay")
	}
	next := *e
	next.Card, next.Late, next.Failure = card.stored(), card.late, nil
	switch {
	case card.failure != Failure{}:
		p.decline(&next, card.failure)
	case card.challenge:
		next.State = RequiresAction
	default:
		p.approve(&next)
	}
	return p.change(e, next, nil)
}

// challenge ends a 3-D Secure challenge. The caller must hold mu.
func (p *Provider) challenge(e *entry, approved bool) (*entry, error) {
	if e.State != RequiresAction {
		return nil, stateConflict(e, "authenticate")
	}
	next := *e
	if approved {
		p.approve(&next)
	} else {
		p.decline(&next, Failure{"authentication_failed", "The card could not be authenticated."})
	}
	return p.change(e, next, nil)
}

// approve authorizes a payment, and captures it if that is automatic.
func (p *Provider) approve(next *entry) {
	if next.Capture == Automatic {
		p.take(next, next.Amount)
		return
	}
	next.State = Authorized
	next.setExpiry(p.now().Add(authorizationLifetime))
}

// decline counts a declined card. The customer can try another until there are too many.
func (p *Provider) decline(next *entry, failure Failure) {
	next.Failure = &failure
	next.State = RequiresPayment
	if next.Attempts++; next.Attempts >= p.options.MaxAttempts {
		next.State = Declined
		next.clearDue()
	}
}
