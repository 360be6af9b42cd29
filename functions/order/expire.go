package order

import (
	"context"
	"encoding/binary"
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

// expire cancels orders that have been pending for longer than ORDER_PENDING_FOR. Their
// cancellation releases any stock that is reserved for them. Concurrent runs skip the
// orders that another run has locked.
//
// If an order cannot be read or cancelled, expire logs the error and returns it after it
// has cancelled the other orders.
func (s *service) expire(ctx context.Context) error {
	before := firstID(s.Now().Add(-s.settings.PendingTimeout))
	var after uuid.UUID
	var errs []error
	for {
		ids, err := selectPendingIDs(ctx, s.DB, after, before, expireBatchSize)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("read pending orders: %w", err))...)
		}
		orderErrs, err := s.expireBatch(ctx, ids)
		if errs = append(errs, orderErrs...); err != nil {
			return errors.Join(append(errs, fmt.Errorf("expire pending orders: %w", err))...)
		}
		if len(ids) < expireBatchSize {
			break
		}
		after = ids[len(ids)-1]
	}
	if omitted := len(errs) - maxExpireErrors; omitted > 0 {
		errs = append(errs[:maxExpireErrors], fmt.Errorf("and %d more orders", omitted))
	}
	return errors.Join(errs...)
}

// expireBatch cancels orders in one transaction or, if that fails, each in its own. It
// returns the errors of single orders in errs, and in err an error that affects all orders,
// such as an unavailable database.
func (s *service) expireBatch(ctx context.Context, ids []uuid.UUID) (errs []error, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.expireOrders(ctx, ids)
	if err == nil || ctx.Err() != nil || database.IsUnavailable(err) {
		return nil, err
	}
	for _, id := range ids {
		err := s.expireOrders(ctx, []uuid.UUID{id})
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

// expireOrders cancels the given orders in one transaction, except those that are no longer
// pending or are locked by another transaction.
func (s *service) expireOrders(ctx context.Context, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		orders, err := lockPendingOrders(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i := range orders {
			o := &orders[i]
			if _, err := s.changeStatus(ctx, tx, o, Cancelled, "expired", Actor{Kind: System}); err != nil {
				return err
			}
			tx.AfterCommit(func(ctx context.Context) {
				slog.WarnContext(ctx, "expired pending order", "order", o.ID, "createdAt", o.CreatedAt)
			})
		}
		return nil
	})
}

// firstID returns the lowest possible id of an order that was created at the given time. A
// UUIDv7 begins with its creation time in milliseconds (RFC 9562, section 5.7), so that
// orders can be selected by age with the primary key.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16)
	return id
}
