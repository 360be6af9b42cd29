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

// expireBatch is the most orders that one transaction of expire holds.
const expireBatch = 50

// maxExpireErrors bounds how many errors expire returns; it logs all.
const maxExpireErrors = 20

// expire cancels the orders that have been pending for too long. Their
// cancellation gives back the stock that they may hold. Several may run at once:
// each takes orders that no other holds.
//
// An order that cannot be read or cancelled stays as it is, is logged and returned as
// an error, and holds up no other.
func (s *service) expire(ctx context.Context) error {
	before := firstID(s.Now().Add(-s.settings.PendingFor))
	var after uuid.UUID
	var errs []error
	for {
		ids, err := selectPending(ctx, s.DB, after, before, expireBatch)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("read pending orders: %w", err))...)
		}
		more, err := s.expireBatch(ctx, ids)
		if errs = append(errs, more...); err != nil {
			return errors.Join(append(errs, fmt.Errorf("expire pending orders: %w", err))...)
		}
		if len(ids) < expireBatch {
			break
		}
		after = ids[len(ids)-1]
	}
	if more := len(errs) - maxExpireErrors; more > 0 {
		errs = append(errs[:maxExpireErrors], fmt.Errorf("and %d orders more", more))
	}
	return errors.Join(errs...)
}

// expireBatch expires orders in one transaction or, if that fails, each in its own. It
// returns the errors of single orders, and err if no order can be expired now.
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
		slog.ErrorContext(ctx, "an order cannot be expired", "order", id, "error", err)
		errs = append(errs, fmt.Errorf("expire order %s: %w", id, err))
	}
	return errs, nil
}

// expireOrders cancels those of the orders that are pending and that no other holds.
func (s *service) expireOrders(ctx context.Context, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		orders, err := lockPending(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i := range orders {
			o := &orders[i]
			if _, err := s.move(ctx, tx, o, step{To: Cancelled, Reason: "expired", Event: "order-cancelled"}, Actor{Kind: System}); err != nil {
				return err
			}
			tx.AfterCommit(func(ctx context.Context) {
				slog.WarnContext(ctx, "the order was pending for too long", "order", o.ID, "since", o.CreatedAt)
			})
		}
		return nil
	})
}

// firstID returns the least id that a row made at a time can have: a UUIDv7 begins
// with the milliseconds of its making (RFC 9562, section 5.7), so that the key says
// how old a row is.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16)
	return id
}
