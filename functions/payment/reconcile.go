package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
)

const (
	// reconcileBatch is how many payments one run continues with at most.
	reconcileBatch = 2000
	// reconcileConcurrency is how many of them are driven at the same time.
	reconcileConcurrency = 8
	// maxReconcileErrors is how many errors reconcile returns. It logs all of them.
	maxReconcileErrors = 20
)

// reconcile reports payments that disagree with their orders. It then asks the provider about the
// payments that are not finished and due: those whose requests failed or were interrupted, and
// those that wait for something whose callback may be lost. At last it compares the provider's list
// of recent payments with the service's own.
func (s *service) reconcile(ctx context.Context) error {
	// It comes first, because it must not wait for the provider.
	mismatchErr := s.reportMismatches(ctx)
	ids, err := selectDue(ctx, s.DB, s.Now(), reconcileBatch)
	if err != nil {
		return errors.Join(mismatchErr, fmt.Errorf("read the payments that are due: %w", err))
	}
	errs := s.driveAll(ctx, ids)
	if ctx.Err() != nil {
		return errors.Join(append(errs, mismatchErr)...) // The next run goes on.
	}
	if err := s.compareList(ctx); err != nil {
		errs = append(errs, fmt.Errorf("compare the provider's list of payments: %w", err))
	}
	if omitted := len(errs) - maxReconcileErrors; omitted > 0 {
		errs = append(errs[:maxReconcileErrors], fmt.Errorf("and %d more payments", omitted))
	}
	return errors.Join(append(errs, mismatchErr)...)
}

// driveAll drives payments. An error of one does not affect others. Errors of the provider are
// recorded with the payment, which is due again later, and only logged.
func (s *service) driveAll(ctx context.Context, ids []uuid.UUID) (errs []error) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	queue := make(chan uuid.UUID)
	for range min(reconcileConcurrency, len(ids)) {
		workers.Go(func() {
			for id := range queue {
				err := s.drive(ctx, id, true)
				_, ofProvider := errors.AsType[*provider.Error](err)
				if err == nil || ofProvider || errors.Is(err, errBusy) {
					continue
				}
				slog.ErrorContext(ctx, "cannot reconcile a payment", "order", id, "error", err)
				mu.Lock()
				errs = append(errs, fmt.Errorf("reconcile the payment of order %s: %w", id, err))
				mu.Unlock()
			}
		})
	}
	for _, id := range ids {
		select {
		case queue <- id:
		case <-ctx.Done(): // The others are due in the next run.
		}
	}
	close(queue)
	workers.Wait()
	return errs
}

// owns reports whether a payment at the provider is that of the order. One that was created
// before its response is recorded belongs to the order too.
func (a *account) owns(seen provider.Payment) bool {
	return a.providerID == seen.ID || a.providerID == "" && !a.state.IsFinal()
}

// compare compares a payment of the provider's list with the service's own. A stray payment, which
// a customer could pay or has paid without an effect on the order, is given back: one that was
// created twice because its first creation was forgotten, or whose order was cancelled meanwhile.
func (s *service) compare(ctx context.Context, seen provider.Payment) error {
	orderID, err := uuid.Parse(seen.Reference)
	if err != nil {
		return nil //nolint:nilerr // the payment is not of this service
	}
	stray := false
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		a, err := lockAccount(ctx, tx, orderID)
		if errors.Is(err, database.ErrNotFound) {
			return nil // The payment is not of this service, or of a database that was restored.
		}
		if err != nil {
			return err
		}
		stray = !a.owns(seen) && a.provider == s.provider.Name()
		if !a.owns(seen) || seen.Version == 0 || a.providerID == "" && a.claimed(s.Now()) {
			return nil // One without a version may be older than what is stored.
		}
		if !a.observe(ctx, seen, s.Now()) || a.payment == a.stored {
			return nil
		}
		a.continueAt(s.Now())
		return s.save(ctx, tx, a)
	})
	if err != nil || !stray {
		return err
	}
	return s.giveBackStray(ctx, seen)
}

// giveBackStray voids or refunds a payment that has no effect on its order. After an error that
// may pass, the list is compared again.
func (s *service) giveBackStray(ctx context.Context, seen provider.Payment) error {
	state, key := stateOf(seen.State), "stray-"+seen.ID
	var err error
	switch {
	case state.isVoidable():
		_, err = s.provider.Void(ctx, seen.ID, key)
	case state.isRefundable() && seen.Captured > seen.Refunded:
		amount := seen.Amount
		amount.Amount = seen.Captured - seen.Refunded
		_, err = s.provider.Refund(ctx, seen.ID, amount, fmt.Sprintf("%s-%d", key, seen.Refunded))
	default:
		return nil
	}
	slog.ErrorContext(ctx, "a stray payment is given back", "order", seen.Reference, "payment", seen.ID, "state", state, "error", err)
	if err != nil && !provider.ClassOf(err).Retryable() {
		return nil // It has changed in the meantime, or an operator must look at it.
	}
	return err
}
