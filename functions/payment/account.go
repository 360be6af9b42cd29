package payment

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// account is a locked payment with its operations, and what a transaction changes of them.
type account struct {
	payment

	stored     payment // as it was read
	isNew      bool    // the transaction has inserted it
	operations []*operation
	changed    map[*operation]bool
	// refunds are the requested refunds, by id; newRefunds are to be inserted.
	refunds    map[uuid.UUID]*refund
	newRefunds []*refund
	changedIDs []uuid.UUID // of refunds that have changed
	news       news
}

// add adds an operation, or reopens a failed one with the same id, with another key.
func (a *account) add(kind operationKind, id uuid.UUID, amount int64, now time.Time) *operation {
	op := a.find(kind, id)
	if op == nil {
		op = newOperation(kind, id, a.orderID, amount, now)
		a.operations = append(a.operations, op)
	} else {
		op.state, op.amount, op.lastError, op.lastCode = opPending, amount, "", ""
		op.renewKey()
	}
	a.touch(op, now)
	return op
}

// touch marks an operation as changed.
func (a *account) touch(op *operation, now time.Time) {
	op.updatedAt = now
	a.changed[op] = true
}

// end ends an operation. A refund ends with its operation.
func (a *account) end(op *operation, state operationState, now time.Time) {
	op.state, op.mustCheck = state, false
	a.touch(op, now)
	if r := a.refunds[op.id]; op.kind == opRefund && r != nil {
		r.end(state, op.lastCode, now)
		a.changedIDs = append(a.changedIDs, r.id)
	}
}

func (a *account) find(kind operationKind, id uuid.UUID) *operation {
	i := slices.IndexFunc(a.operations, func(op *operation) bool { return op.kind == kind && op.id == id })
	if i < 0 {
		return nil
	}
	return a.operations[i]
}

// pending returns the oldest pending operation of some kinds, nil without one.
func (a *account) pending(kinds ...operationKind) *operation {
	i := slices.IndexFunc(a.operations, func(op *operation) bool {
		return op.state == opPending && slices.Contains(kinds, op.kind)
	})
	if i < 0 {
		return nil
	}
	return a.operations[i]
}

// creation returns the operation that creates the payment at the provider, nil without one.
func (a *account) creation() *operation {
	i := slices.IndexFunc(a.operations, func(op *operation) bool { return op.kind == opCreate })
	if i < 0 {
		return nil
	}
	return a.operations[i]
}

// reserved returns the sum of the refunds that the provider has not made yet.
func (a *account) reserved() (sum int64) {
	for _, op := range a.operations {
		if op.kind == opRefund && op.state == opPending {
			sum += op.amount
		}
	}
	return sum
}

// refundsInOrder returns the refunds, oldest first.
func (a *account) refundsInOrder() []*refund {
	return slices.SortedFunc(maps.Values(a.refunds), func(x, y *refund) int {
		return cmp.Or(x.createdAt.Compare(y.createdAt), bytes.Compare(x.id[:], y.id[:]))
	})
}

// newPayment returns the payment of an order, before it is created at the provider.
func newPayment(orderID, userID uuid.UUID, name string, amount money.Money, mode provider.CaptureMode, now time.Time) payment {
	return payment{
		orderID: orderID, userID: userID, provider: name, state: Requested, version: 1,
		amount: amount, mode: mode, createdAt: now, updatedAt: now,
	}
}

func newAccount(p payment) *account {
	return &account{payment: p, stored: p, changed: map[*operation]bool{}, refunds: map[uuid.UUID]*refund{}}
}
