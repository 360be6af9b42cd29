package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// expireBatchSize is the maximum number of orders that one transaction of expire locks.
const expireBatchSize = 50

// maxExpireErrors is the maximum number of errors that expire returns. It logs all of them.
const maxExpireErrors = 20

// expiry describes orders that expire: those that have had a status for longer than timeout.
type expiry struct {
	status  Status
	timeout time.Duration
	reason  string // of the cancellation
	level   slog.Level
}

func (s *service) expiries() []expiry {
	return []expiry{
		{Pending, s.settings.PendingTimeout, reasonExpired, slog.LevelWarn},
		{AwaitingPayment, s.settings.UnpaidTimeout, reasonUnpaid, slog.LevelInfo},
	}
}

// expire cancels orders that have been pending for longer than ORDER_PENDING_FOR, and those that
// have waited for their payment for longer than ORDER_UNPAID_FOR. Their cancellation releases
// any stock that is reserved for them. Concurrent runs skip the orders that another run has
// locked.
//
// If an order cannot be read or cancelled, expire logs the error and returns it after it
// has cancelled the other orders.
func (s *service) expire(ctx context.Context) error {
	var errs []error
	for _, e := range s.expiries() {
		orderErrs, err := s.expireStatus(ctx, e)
		if errs = append(errs, orderErrs...); err != nil {
			return errors.Join(append(errs, fmt.Errorf("expire %s orders: %w", e.status, err))...)
		}
	}
	if omitted := len(errs) - maxExpireErrors; omitted > 0 {
		errs = append(errs[:maxExpireErrors], fmt.Errorf("and %d more orders", omitted))
	}
	return errors.Join(errs...)
}

// expireStatus cancels the expired orders of one status. It returns the errors of single orders
// in errs, and in err an error that affects all orders, such as an unavailable database.
func (s *service) expireStatus(ctx context.Context, e expiry) (errs []error, err error) {
	before := s.Now().Add(-e.timeout)
	var after uuid.UUID
	for {
		ids, err := selectExpiredIDs(ctx, s.DB, e.status, after, before, expireBatchSize)
		if err != nil {
			return errs, fmt.Errorf("read the orders: %w", err)
		}
		orderErrs, err := s.expireBatch(ctx, e, ids)
		if errs = append(errs, orderErrs...); err != nil || len(ids) < expireBatchSize {
			return errs, err
		}
		after = ids[len(ids)-1]
	}
}

// expireBatch cancels orders in one transaction or, if that fails, each in its own. It
// returns the errors of single orders in errs, and in err an error that affects all orders,
// such as an unavailable database.
func (s *service) expireBatch(ctx context.Context, e expiry, ids []uuid.UUID) (errs []error, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.expireOrders(ctx, e, ids)
	if err == nil || ctx.Err() != nil || database.IsUnavailable(err) {
		return nil, err
	}
	for _, id := range ids {
		err := s.expireOrders(ctx, e, []uuid.UUID{id})
		if err == nil {
			continue
		}
		if ctx.Err() != nil || database.IsUnavailable(err) {
			return errs, err
		}
		slog.ErrorContext(ctx, "cannot expire order", "order", id, "error", err)
		errs = append(errs, fmt.Errorf("expire order %s: %w", id, err))
	}
	return errs, nil
}

// expireOrders cancels the given orders in one transaction, except those that have another status
// now or are locked by another transaction.
func (s *service) expireOrders(ctx context.Context, e expiry, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		orders, err := lockOrdersInStatus(ctx, tx, e.status, ids)
		if err != nil {
			return err
		}
		changes := make([]statusChange, len(orders))
		for i := range orders {
			changes[i] = statusChange{order: &orders[i], reason: e.reason, actor: Actor{Kind: System}, cause: ctx}
		}
		expired, err := s.changeStatuses(ctx, tx, Cancelled, changes...)
		if err != nil {
			return err
		}
		tx.AfterCommit(func(ctx context.Context) {
			for _, c := range expired {
				slog.Log(ctx, e.level, "order expired", "order", c.order.ID, "status", e.status, "createdAt", c.order.CreatedAt)
			}
		})
		return nil
	})
}
