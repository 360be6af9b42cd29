package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
)

const (
	// maxSteps bounds the requests to the provider of one drive. A payment needs few, such as a
	// void that is refused, a read and a refund; several refunds may wait for their turn.
	maxSteps = 40
	// pollFailed is the time until the next read after one that failed.
	pollFailed = time.Minute
)

var (
	// errBusy is the error of driving a payment that another request is driving.
	errBusy = errors.New("another request about the payment is in progress")
	// errClaimLost is the error of a request that took longer than its claim. Its outcome is
	// ignored: the owner of the newer claim finds it at the provider.
	errClaimLost = errors.New("the request took too long")
)

// drive brings a payment to what the service wants, step by step: it plans a request to the
// provider in a transaction, sends it outside of any, and records the outcome, with the events
// that follow from it, in another one. An interruption at any point has the same remedy: drive
// again. With poll it also reads a payment that waits for something to happen.
//
// The error of a request to the provider is returned after it was recorded.
func (s *service) drive(ctx context.Context, orderID uuid.UUID, poll bool) error {
	for range maxSteps {
		st, err := s.begin(ctx, orderID, poll)
		if err != nil || st.kind == stepNone {
			return err
		}
		out := s.ask(ctx, st)
		if err := s.reached(pointRequested); err != nil {
			return err
		}
		goOn, err := s.record(ctx, st, out)
		if err != nil {
			return err
		}
		if err := s.reached(pointRecorded); err != nil {
			return err
		}
		if out.err != nil && provider.ClassOf(out.err).Retryable() {
			return fmt.Errorf("%s of the payment of order %s: %w", st.name(), orderID, out.err)
		}
		if !goOn {
			return nil
		}
		poll = false
	}
	return nil
}

// requestTimeout bounds a drive for a request of a client. It ends before the claim.
const requestTimeout = 25 * time.Second

// driveForRequest drives a payment after the request of a client, also if the client disconnects.
func (s *service) driveForRequest(ctx context.Context, orderID uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	return s.drive(ctx, orderID, false)
}

// name returns the name of a step for errors.
func (st step) name() string {
	if st.kind == stepSend {
		return string(st.operation.kind)
	}
	return string(st.kind)
}

// begin plans the next request about a payment and claims the payment for it.
func (s *service) begin(ctx context.Context, orderID uuid.UUID, poll bool) (st step, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		now := s.Now()
		a, err := lockAccount(ctx, tx, orderID)
		if err != nil {
			return err
		}
		if a.claimed(now) {
			return database.NoRetry(errBusy)
		}
		if a.claimID != uuid.Nil {
			a.needsRead, a.claimID = a.providerID != "", uuid.Nil // The other request was interrupted.
		}
		kind, op := a.plan(poll, now)
		if kind == stepNone {
			a.nextAt = a.nextPoll(now)
		} else if err := a.claim(kind, op, now, s.settings.claimTimeout()); err != nil {
			return err
		}
		st = step{kind: kind, payment: a.payment}
		if kind != stepNone && op != nil {
			st.operation = *op
		}
		return s.save(ctx, tx, a)
	})
	if err != nil {
		return step{}, fmt.Errorf("plan the payment of order %s: %w", orderID, err)
	}
	return st, s.reached(pointBegun)
}

// claim claims the payment for a step for a time, and counts the attempt of an operation. From now on the
// operation may have its effect.
func (a *account) claim(kind stepKind, op *operation, now time.Time, timeout time.Duration) (err error) {
	if a.claimID, err = uuid.NewV7(); err != nil {
		return fmt.Errorf("create the id of a claim: %w", err)
	}
	a.claimedUntil = now.Add(timeout)
	a.nextAt = a.claimedUntil
	switch kind {
	case stepRead:
		a.needsRead = false // A callback that arrives from now on sets it again.
	case stepSend:
		op.attempts++
		op.mustCheck, op.lastError, op.lastCode, op.sentAt = true, "", "", now
		a.touch(op, now)
	}
	return nil
}
