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

// expireBatch is the maximum number of orders that one transaction of expire locks.
const expireBatch = 50

// maxExpireErrors is the maximum number of errors that expire returns; it logs all.
const maxExpireErrors = 20

// expire cancels orders that have been pending for longer than ORDER_PENDING_FOR. Their
// cancellation releases any stock that is reserved for them. Concurrent runs skip the
// orders that another run has locked.
//
// An order that cannot be read or cancelled is left unchanged, logged, and returned as
// an error. The other orders are cancelled nevertheless.
func (s *service) expire(ctx context.Context) error {
	before := firstID(s.Now().Add(-s.settings.PendingFor))
	var after uuid.UUID
	var errs []error
	for {
		ids, err := selectPending(ctx, s.DB, after, before, expireBatch)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("read pending orders: %w", err))...)
		}
		orderErrs, err := s.expireBatch(ctx, ids)
		if errs = append(errs, orderErrs...); err != nil {
			return errors.Join(append(errs, fmt.Errorf("expire pending orders: %w", err))...)
		}
		if len(ids) < expireBatch {
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
// returns the errors of single orders, and err if no order can be cancelled now.
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
		slog.ErrorContext(ctx, "cannot expire the order", "order", id, "error", err)
		errs = append(errs, fmt.Errorf("expire order %s: %w", id, err))
	}
	return errs, nil
}

// expireOrders cancels those of the orders that are pending and not locked by another
// transaction.
func (s *service) expireOrders(ctx context.Context, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		orders, err := lockPending(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i := range orders {
			o := &orders[i]
			if _, err := s.move(ctx, tx, o, Cancelled, "expired", Actor{Kind: System}); err != nil {
				return err
			}
			tx.AfterCommit(func(ctx context.Context) {
				slog.WarnContext(ctx, "expired a pending order", "order", o.ID, "createdAt", o.CreatedAt)
			})
		}
		return nil
	})
}

// firstID returns the lowest id of a row that was created at a time. A UUIDv7 begins
// with its creation time in milliseconds (RFC 9562, section 5.7), so that the primary
// key selects rows by age.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16)
	return id
}
