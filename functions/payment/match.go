package payment

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// match stores that orders are confirmed, so that payment-reconcile finds payments without a
// confirmed order, and confirmed orders without a payment.
func (s *service) match(ctx context.Context, tx *database.Tx, messages []function.Message[orderChanged]) error {
	confirmed := map[uuid.UUID]*function.Message[orderChanged]{}
	for i := range messages {
		if m := &messages[i]; m.Payload.Payment == paymentRequired {
			confirmed[m.Payload.OrderID] = m
		}
	}
	if len(confirmed) == 0 {
		return nil
	}
	missing, err := confirmPayments(ctx, tx, database.SortedIDs(maps.Keys(confirmed)), s.Now())
	if err != nil {
		return err
	}
	tx.AfterCommit(func(context.Context) {
		for _, id := range missing {
			// Nothing stores it, so it is logged once. The audit finds it as money-unpaid.
			logMismatch(confirmed[id].Context, confirmedUnpaid, id, "", "missing", 0)
		}
	})
	return nil
}

// mismatch is how a payment and the status of its order disagree.
type mismatch = string

// The mismatches. Their values are log messages, which metrics in terraform/alerting.tf count.
const (
	noMismatch      = ""
	paidUnconfirmed = "order paid but not confirmed"
	confirmedUnpaid = "order confirmed but not paid"
)

const (
	// matchAfter is how long a payment and its order may disagree: events are on the way.
	matchAfter = 5 * time.Minute
	// matchInterval is the time between two log entries about the same payment. It is shorter than
	// the windows of the alerts in terraform/alerting.tf, so that they last as long as the mismatch.
	matchInterval = 10 * time.Minute
)

// isPaid reports whether the amount is authorized or captured, and was not refunded.
func (p *payment) isPaid() bool {
	return !p.authorizedAt.IsZero() && !p.state.isUnpaid() && p.state != Refunded
}

// mismatch returns how the payment and the status of its order disagree. An order that was shipped
// is confirmed.
func (p *payment) mismatch() mismatch {
	confirmed := !p.confirmedAt.IsZero() || p.captureCause != uuid.Nil
	cancelled := p.wantsCancel() && p.cancelSource == cancelledOrder
	switch {
	case cancelled:
		return noMismatch
	case p.isPaid() && !confirmed:
		return paidUnconfirmed
	case confirmed && (p.authorizedAt.IsZero() || p.state.isUnpaid()):
		return confirmedUnpaid
	}
	return noMismatch
}

// scheduleMatch schedules the comparison of a payment with its order after a change because of which
// they disagree. A payment that was made before this service knew of confirmations stays as it is.
func (a *account) scheduleMatch(now time.Time) {
	switch m := a.mismatch(); {
	case m == noMismatch:
		a.matchAt = time.Time{}
	case m != a.stored.mismatch():
		a.matchAt = now.Add(matchAfter)
	}
}

// matchBatchSize is how many payments one transaction of reportMismatches locks.
const matchBatchSize = 100

// reportMismatches logs the payments that have disagreed with their orders for matchAfter, each
// once in matchInterval, however many runs there are.
func (s *service) reportMismatches(ctx context.Context) error {
	for {
		reported, err := s.reportMismatchBatch(ctx)
		if err != nil || reported < matchBatchSize {
			return err
		}
	}
}

func (s *service) reportMismatchBatch(ctx context.Context) (reported int, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		now := s.Now()
		payments, err := lockMismatched(ctx, tx, now, matchBatchSize)
		if reported = len(payments); err != nil || reported == 0 {
			return err
		}
		var again, agreed []uuid.UUID
		for i := range payments {
			if payments[i].mismatch() == noMismatch {
				agreed = append(agreed, payments[i].orderID)
			} else {
				again = append(again, payments[i].orderID)
			}
		}
		if err := setMatchAt(ctx, tx, again, now.Add(matchInterval)); err != nil {
			return err
		}
		if err := setMatchAt(ctx, tx, agreed, time.Time{}); err != nil {
			return err
		}
		tx.AfterCommit(func(ctx context.Context) {
			for i := range payments {
				p := &payments[i]
				if slices.Contains(again, p.orderID) {
					logMismatch(ctx, p.mismatch(), p.orderID, p.providerID, p.state, now.Sub(p.mismatchedSince()))
				}
			}
		})
		return nil
	})
	return reported, err
}

// mismatchedSince returns when the later of the two was known that disagree.
func (p *payment) mismatchedSince() time.Time {
	if p.mismatch() == paidUnconfirmed || p.state.isUnpaid() && p.authorizedAt.After(p.confirmedAt) {
		return p.authorizedAt
	}
	return p.confirmedAt
}

func logMismatch(ctx context.Context, m mismatch, order uuid.UUID, payment string, state State, since time.Duration) {
	attributes := []any{"order", order, "payment", payment, "state", state, "seconds", since.Seconds()}
	switch m {
	case paidUnconfirmed:
		slog.ErrorContext(ctx, paidUnconfirmed, attributes...)
	case confirmedUnpaid:
		slog.ErrorContext(ctx, confirmedUnpaid, attributes...)
	}
}
