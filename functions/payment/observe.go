package payment

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
)

// observe applies what the provider reports about a payment. A report that is older than what was
// applied has no effect. It reports whether the payment is the provider's one that belongs to the
// order.
func (a *account) observe(ctx context.Context, seen provider.Payment, now time.Time) bool {
	switch {
	case a.providerID != "" && a.providerID != seen.ID,
		a.providerID == "" && a.state.IsFinal(), // It was given up.
		seen.Amount != a.amount, seen.Reference != a.orderID.String():
		// A stray payment: payment-reconcile gives it back. The amount never differs otherwise.
		slog.ErrorContext(ctx, "a payment at the provider is not that of the order", "order", a.orderID, "payment", seen.ID)
		return false
	}
	reportedAt := a.reportedAt
	a.reportedAt = time.Time{}
	to := stateOf(seen.State)
	stale := seen.Version > 0 && seen.Version <= a.providerVersion
	if stale || !a.state.CanBecome(to) || seen.Captured < a.captured || seen.Refunded < a.refunded {
		a.providerID = seen.ID
		return true
	}
	a.providerID, a.providerVersion = seen.ID, max(seen.Version, a.providerVersion)
	from := a.state
	a.state = to
	a.observeCustomer(seen)
	a.observeAuthorization(reportedAt, now)
	if seen.Captured > a.captured {
		a.news.captured = append(a.news.captured, a.newChanged(seen.Captured-a.captured))
		a.captured = seen.Captured
	}
	a.observeDispute(from, seen.Refunded)
	a.observeRefunds(seen.Refunded, now)
	if from != to && to.isUnpaid() {
		a.becomeUnpaid(to)
	}
	a.endReached(now)
	return true
}

// observeCustomer applies what concerns the customer's part.
func (a *account) observeCustomer(seen provider.Payment) {
	a.failure, a.expiresAt = bounded(seen.Failure, maxFailure), seen.ExpiresAt
	switch {
	case !a.state.waitsForCustomer() || seen.Next.ClientSecret.Reveal() != "":
		a.pageURL = "" // A client secret is not stored: payment-get reads it.
	case seen.Next.URL != "" && len(seen.Next.URL) <= maxPageURL:
		a.pageURL = seen.Next.URL
	}
}

// Bounds of columns, in bytes.
const (
	maxFailure = 100
	maxPageURL = 2048
)

func bounded(text string, size int) string {
	if len(text) > size {
		return text[:size]
	}
	return text
}

// observeAuthorization publishes that the amount is authorized, once. A cancelled order is not
// confirmed anymore. reportedAt is when the provider reported it, the zero time if it did not.
func (a *account) observeAuthorization(reportedAt, now time.Time) {
	if !a.authorizedAt.IsZero() || a.state != Authorized && !a.state.isCaptured() {
		return
	}
	a.authorizedAt = now
	if !a.wantsCancel() {
		if reportedAt.IsZero() || reportedAt.After(now) {
			reportedAt = now
		}
		a.news.authorized = append(a.news.authorized, AuthorizedEvent{a.newChanged(a.amount.Amount), reportedAt})
	}
}

// observeDispute publishes that a dispute was opened or decided.
func (a *account) observeDispute(from State, refunded int64) {
	var outcome DisputeOutcome
	switch {
	case from != Disputed && a.state == Disputed:
		outcome = DisputeOpened
	case from == Disputed && a.state != Disputed && refunded > a.refunded:
		outcome = DisputeLost
	case from == Disputed && a.state != Disputed:
		outcome = DisputeWon
	default:
		return
	}
	a.news.disputed = append(a.news.disputed, DisputedEvent{a.newChanged(a.refundable()), outcome})
}

// observeRefunds publishes refunds up to a sum. What is more than the refund that was sent to the
// provider was refunded without this service.
func (a *account) observeRefunds(refunded int64, now time.Time) {
	if op := a.sentRefund(); op != nil && refunded-a.refunded >= op.amount {
		a.publishRefund(a.refunds[op.id], op.id, op.amount)
		a.end(op, opDone, now)
	}
	if remaining := refunded - a.refunded; remaining > 0 {
		r := &refund{
			id: uuid.Must(uuid.NewV7()), orderID: a.orderID, state: RefundSucceeded, source: sourceProvider,
			amount: remaining, createdAt: now, completedAt: now,
		}
		a.addRefund(r)
		a.publishRefund(r, r.id, remaining)
	}
}

// sentRefund returns the refund that the provider was asked for and that is not known to have
// succeeded. There is at most one, because operations are sent one after the other.
func (a *account) sentRefund() *operation {
	for _, op := range a.operations {
		if op.kind == opRefund && op.state == opPending && !op.sentAt.IsZero() {
			return op
		}
	}
	return nil
}

func (a *account) publishRefund(r *refund, id uuid.UUID, amount int64) {
	a.refunded += amount
	e := RefundedEvent{Changed: a.newChanged(amount), RefundID: id, Refunded: a.money(a.refunded), Lines: []RefundedLine{}}
	if r != nil {
		e.Lines = r.lines()
	}
	a.news.refunded = append(a.news.refunded, e)
}

// becomeUnpaid ends a payment without money, and publishes the reason unless the order was
// cancelled, which is known.
func (a *account) becomeUnpaid(to State) {
	a.state = to
	reason := map[State]FailureReason{Declined: ReasonDeclined, Voided: ReasonVoided, Expired: ReasonExpired}[to]
	switch a.cancelSource {
	case cancelledOrder:
		return
	case tooManyDeclines:
		reason = ReasonDeclined
	}
	a.news.failed = append(a.news.failed, FailedEvent{a.newChanged(a.amount.Amount), reason})
}

// endReached ends the pending operations whose goal the payment has reached.
func (a *account) endReached(now time.Time) {
	for _, op := range a.operations {
		if op.state != opPending {
			continue
		}
		switch {
		case op.kind == opCreate,
			op.kind == opCapture && (a.captured > 0 || a.state == Processing),
			op.kind == opVoid && a.state.isUnpaid():
			a.end(op, opDone, now)
		}
	}
}

func (a *account) newChanged(amount int64) Changed {
	return Changed{OrderID: a.orderID, UserID: a.userID, PaymentID: a.providerID, Amount: a.money(amount)}
}
