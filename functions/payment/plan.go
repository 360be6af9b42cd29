package payment

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// stepKind is what to ask the provider next.
type stepKind string

const (
	stepNone stepKind = ""
	stepRead stepKind = "read" // the current state
	stepFind stepKind = "find" // a payment whose creation had an unknown outcome
	stepSend stepKind = "send" // an operation
)

// step is one request to the provider, planned in one transaction, whose outcome is recorded in
// another one.
type step struct {
	kind stepKind
	// payment and operation are copies. operation is zero unless one is sent.
	payment   payment
	operation operation
}

// plan returns what to ask the provider next about a payment, with the operation to send. It
// begins the operations that follow from what the service wants, and ends those that have become
// pointless. With poll, it also reads a payment that waits for something to happen.
//
// An operation whose outcome is not known is never repeated before the payment was read: if the
// attempt had its effect, the payment shows it, and the operation is done.
func (a *account) plan(poll bool, now time.Time) (stepKind, *operation) {
	if a.providerID == "" {
		return a.planCreation(now)
	}
	a.dropPointless(now)
	op := a.pending(opCapture, opVoid, opRefund)
	if a.needsRead || op != nil && (op.mustCheck || op.isRefused()) {
		return stepRead, nil
	}
	if op == nil {
		op = a.wanted(now)
	}
	switch {
	case op != nil:
		if op.keyIsSpent(now) {
			op.renewKey()
		}
		return stepSend, op
	case poll && !a.nextPoll(now).IsZero():
		return stepRead, nil
	}
	return stepNone, nil
}

// planCreation plans the creation of a payment whose id is not known. One that was never requested
// of the provider is voided without it.
func (a *account) planCreation(now time.Time) (stepKind, *operation) {
	op := a.creation()
	switch {
	case op == nil || op.state != opPending:
		return stepNone, nil
	case a.wantsCancel() && op.sentAt.IsZero():
		a.end(op, opFailed, now)
		a.becomeUnpaid(Voided)
		return stepNone, nil
	case op.isRefused() || op.keyIsSpent(now):
		return stepFind, op
	}
	return stepSend, op
}

// dropPointless ends the operations that the payment's state no longer allows. Those whose
// outcome is unknown must be checked first.
func (a *account) dropPointless(now time.Time) {
	if a.needsRead {
		return
	}
	for _, op := range a.operations {
		if op.state == opPending && !op.mustCheck && a.isPointless(op) {
			a.end(op, opFailed, now)
		}
	}
}

func (a *account) isPointless(op *operation) bool {
	switch op.kind {
	case opCapture:
		return a.state != Authorized || a.wantsCancel()
	case opVoid:
		return !a.state.isVoidable()
	case opRefund:
		return !a.state.isRefundable() || op.amount > a.refundable()
	default: // the payment exists
		return true
	}
}

// wanted returns a new operation that brings the payment closer to what the service wants, nil if
// there is nothing to do or if the state allows nothing.
func (a *account) wanted(now time.Time) *operation {
	switch {
	case a.wantsCancel() && a.state.isVoidable():
		return a.add(opVoid, a.cancelCause, 0, now)
	case a.wantsCapture() && a.state == Authorized:
		return a.add(opCapture, a.captureCause, a.amount.Amount, now)
	case a.wantsCancel() && a.state.isRefundable() && a.refundable() > 0:
		id := a.cancelRefundID()
		a.addRefund(&refund{
			id: id, orderID: a.orderID, state: RefundRequested, source: sourceCancelled,
			amount: a.refundable(), createdAt: now,
		})
		return a.add(opRefund, id, a.refundable(), now)
	}
	return nil
}

// addRefund adds a refund unless it exists.
func (a *account) addRefund(r *refund) {
	if existing := a.refunds[r.id]; existing != nil {
		existing.state, existing.amount = r.state, r.amount
		a.changedIDs = append(a.changedIDs, r.id)
		return
	}
	a.refunds[r.id] = r
	a.newRefunds = append(a.newRefunds, r)
}

// cancelRefundID returns the id of the refund of all that remains of a cancelled order. It is the
// same until something was refunded.
func (a *account) cancelRefundID() uuid.UUID {
	return uuid.NewSHA1(a.cancelCause, binary.BigEndian.AppendUint64([]byte("refund"), uint64(a.refunded)))
}
