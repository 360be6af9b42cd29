package order

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// expireBatch is the most orders that one transaction of expire holds.
const expireBatch = 50

// expire cancels the orders that have been pending for too long. Their
// cancellation gives back the stock that they may hold. Several may run at once:
// each takes orders that no other holds.
func (s *service) expire(ctx context.Context) error {
	for {
		n, err := s.expireSome(ctx)
		if err != nil {
			return fmt.Errorf("expire pending orders: %w", err)
		}
		if n < expireBatch {
			return nil
		}
	}
}

func (s *service) expireSome(ctx context.Context) (expired int, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		orders, err := lockPending(ctx, tx, firstID(s.Now().Add(-s.settings.PendingFor)), expireBatch)
		if err != nil {
			return err
		}
		expired = len(orders)
		for i := range orders {
			if _, err := s.move(ctx, tx, &orders[i], step{To: Cancelled, Reason: "expired", Event: "order-cancelled"}, Actor{Kind: System}); err != nil {
				return err
			}
			slog.WarnContext(ctx, "the order was pending for too long", "order", orders[i].ID, "since", orders[i].CreatedAt)
		}
		return nil
	})
	return expired, err
}

// firstID returns the least id that a row made at a time can have: a UUIDv7 begins
// with the milliseconds of its making (RFC 9562, section 5.7), so that the key says
// how old a row is.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16)
	return id
}
