package payment

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
)

// operationKind is what the provider is asked for.
type operationKind string

const (
	opCreate  operationKind = "create"
	opCapture operationKind = "capture"
	opVoid    operationKind = "void"
	opRefund  operationKind = "refund"
)

// operationState is the state of an operation.
type operationState string

const (
	opPending operationState = "pending"
	opDone    operationState = "done"
	// opFailed: the provider refused it, or the payment's state has made it pointless.
	opFailed operationState = "failed"
)

var (
	operationKinds = []operationKind{opCreate, opCapture, opVoid, opRefund}
	errorClasses   = []provider.Class{
		"", provider.ClassDeclined, provider.ClassInvalid, provider.ClassConflict, provider.ClassTemporary, provider.ClassUnknown,
	}
)

// operation is a change of a payment that the provider is asked for.
type operation struct {
	kind    operationKind
	id      uuid.UUID // of the event or the request that caused it
	orderID uuid.UUID
	state   operationState
	amount  int64
	// generation counts the idempotency keys of the operation.
	generation int
	attempts   int // with the current key
	// mustCheck is set while an attempt may have had an effect that is not known.
	mustCheck bool
	lastError provider.Class // "" without an error
	lastCode  string
	sentAt    time.Time

	createdAt, updatedAt time.Time
}

func newOperation(kind operationKind, id, order uuid.UUID, amount int64, now time.Time) *operation {
	return &operation{kind: kind, id: id, orderID: order, state: opPending, amount: amount, createdAt: now, updatedAt: now}
}

// key returns the idempotency key. It is the same in each attempt.
func (o *operation) key() string { return fmt.Sprintf("%s-%s-%d", o.kind, o.id, o.generation) }

const (
	// attemptsPerKey is how many attempts with an unknown outcome are made with one key:
	// providers store errors with a key and repeat them.
	attemptsPerKey = 3
	// settleTime is how long the provider may still work on a request that has timed out. A
	// key is not replaced before.
	settleTime = 2 * time.Minute
	// keyLifetime is for how long providers store keys, less a margin.
	keyLifetime = 23 * time.Hour
	// The time until the next attempt doubles from the minimum to the maximum.
	minBackoff = 10 * time.Second
	maxBackoff = 10 * time.Minute
)

// backoff returns the time until the next attempt, after the attempts with all keys.
func (o *operation) backoff() time.Duration {
	backoff := minBackoff
	for range o.attempts + o.generation - 1 {
		if backoff *= 2; backoff >= maxBackoff {
			return maxBackoff
		}
	}
	return backoff
}

// keyIsSpent reports whether the current key should not be used again. It must be known that the
// attempts with it had no effect.
func (o *operation) keyIsSpent(now time.Time) bool {
	since := now.Sub(o.sentAt)
	return o.attempts > 0 && (since >= keyLifetime || o.attempts >= attemptsPerKey && o.lastError == provider.ClassUnknown && since >= settleTime)
}

// renewKey makes the following attempts use another key.
func (o *operation) renewKey() {
	o.generation++
	o.attempts = 0
}

// isRefused reports whether the provider has refused the last attempt for good.
func (o *operation) isRefused() bool { return o.lastError != "" && !o.lastError.Retryable() }
