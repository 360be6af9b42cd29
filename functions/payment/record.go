package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
	"souk/shared/trail"
)

// record records the outcome of a step and ends its claim. It reports whether to go on with the
// next step at once.
func (s *service) record(ctx context.Context, st step, out outcome) (goOn bool, err error) {
	ctx = trail.ByFunction(ctx) // the provider has changed the payment, whatever the request was
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		now := s.Now()
		a, err := lockAccount(ctx, tx, st.payment.orderID)
		if err != nil {
			return err
		}
		if a.claimID != st.payment.claimID {
			return database.NoRetry(errClaimLost)
		}
		a.claimID, a.claimedUntil, a.nextAt = uuid.Nil, time.Time{}, now
		goOn = a.apply(ctx, st, out, now)
		if a.stored.providerID == "" && a.providerID != "" {
			// Callbacks may have arrived before this response.
			early, err := assignCallbacks(ctx, tx, a.provider, a.providerID, a.orderID)
			if err != nil {
				return err
			}
			a.needsRead = a.needsRead || early
		}
		return s.save(ctx, tx, a)
	})
	if err != nil {
		return false, fmt.Errorf("record %s of the payment of order %s: %w", st.name(), st.payment.orderID, err)
	}
	return goOn, nil
}

// apply applies the outcome of a step. It reports whether to go on with the next step at once.
func (a *account) apply(ctx context.Context, st step, out outcome, now time.Time) bool {
	op := a.find(st.operation.kind, st.operation.id)
	if op != nil && op.kind == opCreate && op.state != opPending {
		return true // A callback has reported the payment while the request was in progress.
	}
	if out.err != nil {
		return a.applyError(ctx, st, op, out.err, now)
	}
	switch st.kind {
	case stepFind:
		return a.applyFound(ctx, op, out, now)
	case stepSend:
		op.mustCheck = false
		a.touch(op, now)
		if r := a.refunds[op.id]; op.kind == opRefund && r != nil {
			r.providerRefundID = out.refundID
			a.changedIDs = append(a.changedIDs, r.id)
		}
	}
	if !a.observe(ctx, out.payment, now) {
		a.nextAt = now.Add(maxBackoff)
		return false
	}
	if st.kind == stepRead {
		return a.resolve(now)
	}
	if op.state == opPending { // a replayed response is older than what was applied
		a.end(op, opDone, now)
	}
	return true
}

// applyFound applies the search for a payment whose creation had an unknown outcome. Without one,
// the creation is repeated with another key, if it is still wanted.
func (a *account) applyFound(ctx context.Context, op *operation, out outcome, now time.Time) bool {
	if out.found {
		return a.observe(ctx, out.payment, now)
	}
	a.touch(op, now)
	if a.wantsCancel() {
		a.end(op, opFailed, now)
		a.becomeUnpaid(Voided)
		return true
	}
	again := !op.isRefused()
	if !again {
		a.nextAt = now.Add(op.backoff())
	}
	op.lastError, op.mustCheck = "", false
	op.renewKey()
	return again
}

// resolve decides, after the payment was read, about the operations whose goal it has not
// reached: attempts with an unknown outcome had no effect, and are repeated; refused ones are
// repeated later with another key, except a refund that the shop has requested.
func (a *account) resolve(now time.Time) bool {
	a.dropPointless(now)
	for _, op := range a.operations {
		if op.state != opPending {
			continue
		}
		op.mustCheck = false
		a.touch(op, now)
		if !op.isRefused() {
			continue
		}
		if r := a.refunds[op.id]; op.kind == opRefund && r != nil && !r.isRepeated() {
			a.end(op, opFailed, now)
			continue
		}
		a.nextAt = now.Add(op.backoff())
		op.lastError = ""
		op.renewKey()
		return false
	}
	return true
}

// applyError applies the error of a step.
func (a *account) applyError(ctx context.Context, st step, op *operation, err error, now time.Time) bool {
	class := provider.ClassOf(err)
	slog.WarnContext(ctx, "the payment provider did not do what it was asked for", "order", a.orderID, "payment", a.providerID,
		"step", st.name(), "class", class, "error", err)
	if st.kind != stepSend {
		a.needsRead = a.needsRead || st.kind == stepRead
		a.nextAt = now.Add(pollFailed)
		return false
	}
	a.touch(op, now)
	op.lastError, op.mustCheck = class, class == provider.ClassUnknown
	if e, ok := errors.AsType[*provider.Error](err); ok {
		op.lastCode = bounded(e.Code, maxFailure)
	}
	if class.Retryable() {
		a.nextAt = now.Add(op.backoff())
		return false
	}
	if op.kind == opCreate && class != provider.ClassConflict {
		a.failure = op.lastCode
		a.end(op, opFailed, now)
		a.becomeUnpaid(Declined)
	}
	return true
}
