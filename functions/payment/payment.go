package payment

import (
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// payment is the payment of an order.
type payment struct {
	orderID, userID uuid.UUID
	// provider is the name of the provider, providerID its id of the payment, "" until it is
	// known, and providerVersion the version that was applied last.
	provider, providerID string
	providerVersion      int64
	state                State
	version              int64
	amount               money.Money
	mode                 provider.CaptureMode
	captured, refunded   int64

	// captureCause and cancelCause are the ids of the events after which the amount is to be
	// captured, or to be given back; uuid.Nil before. They are what the service wants, whatever
	// the state is.
	captureCause, cancelCause uuid.UUID
	cancelSource              cancelSource

	failure  string // the provider's code for the last declined card
	declines int
	pageURL  string // of the provider's page on which the customer pays
	// needsRead is set if the provider has reported a change without its content.
	needsRead bool

	// claimID excludes other requests about the payment until claimedUntil.
	claimID      uuid.UUID
	claimedUntil time.Time
	// nextAt is when payment-reconcile continues, the zero time if there is nothing to do.
	nextAt       time.Time
	authorizedAt time.Time
	expiresAt    time.Time

	// reportedAt is when the provider reported a change that is not applied yet.
	reportedAt time.Time
	// confirmedAt is when the order was known to be confirmed: only payment-match changes it. matchAt is when
	// payment-reconcile compares the payment with its order, the zero time while they agree.
	confirmedAt time.Time
	matchAt     time.Time

	createdAt, updatedAt time.Time
}

// cancelSource is why a payment is to be given back.
type cancelSource string

const (
	// cancelledOrder: the order was cancelled or rejected.
	cancelledOrder cancelSource = "order"
	// tooManyDeclines: more cards were declined than PAYMENT_MAX_DECLINES.
	tooManyDeclines cancelSource = "declines"
)

// wantsCancel reports whether no money of the customer may remain with the shop.
func (p *payment) wantsCancel() bool { return p.cancelCause != uuid.Nil }

// wantsCapture reports whether the authorized amount is to be captured.
func (p *payment) wantsCapture() bool { return p.captureCause != uuid.Nil && !p.wantsCancel() }

// refundable returns the captured amount that was not refunded.
func (p *payment) refundable() int64 { return p.captured - p.refunded }

// claimed reports whether another request about the payment is in progress.
func (p *payment) claimed(now time.Time) bool {
	return p.claimID != uuid.Nil && p.claimedUntil.After(now)
}

// money returns an amount in the payment's currency.
func (p *payment) money(amount int64) money.Money {
	return money.Money{Amount: amount, Currency: p.amount.Currency}
}

// cancel makes the service give back what the customer has paid, or will have paid. The first
// cause is stored, so that the operations that follow from it have the same keys each time.
func (p *payment) cancel(cause uuid.UUID, source cancelSource, now time.Time) {
	if p.wantsCancel() && (p.cancelSource == cancelledOrder || source != cancelledOrder) {
		return
	}
	if !p.wantsCancel() {
		p.cancelCause = cause
	}
	p.cancelSource = source
	p.continueAt(now)
}

// continueAt makes payment-reconcile continue at a time, or earlier if that was set.
func (p *payment) continueAt(at time.Time) {
	if p.nextAt.IsZero() || at.Before(p.nextAt) {
		p.nextAt = at
	}
}

// Intervals at which the provider is asked about a payment whose callback may be lost.
const (
	// pollWaiting is for a payment that the customer is probably making: until pollWaitingFor
	// after its creation, and pollLater after that.
	pollWaiting    = time.Minute
	pollWaitingFor = 30 * time.Minute
	pollLater      = 10 * time.Minute
	pollAuthorized = time.Hour
	pollDisputed   = 24 * time.Hour
)

// nextPoll returns when the provider is to be asked about a payment without pending operations,
// the zero time if it needs not be.
func (p *payment) nextPoll(now time.Time) time.Time {
	switch {
	case p.state.waitsForCustomer() && now.Sub(p.createdAt) >= pollWaitingFor:
		return now.Add(pollLater)
	case p.state.waitsForCustomer(), p.state == Processing:
		return now.Add(pollWaiting)
	case p.state == Authorized:
		return now.Add(pollAuthorized)
	case p.state == Disputed:
		return now.Add(pollDisputed)
	}
	return time.Time{}
}
