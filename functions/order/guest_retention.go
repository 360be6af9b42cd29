package order

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/trail"
)

const (
	// guestBatch is how many orders of guests are anonymized in a transaction, and guestBatches
	// how many transactions a sweep has at most: the next sweep continues.
	guestBatch   = 100
	guestBatches = 50
)

// anonymizeGuests removes the personal data of guests from orders that were placed before
// GUEST_RETENTION and have ended, as anonymize does for accounts. An order that is still open, and
// could be shipped, retains its data until it ends.
func (s *service) anonymizeGuests(ctx context.Context) error {
	before := s.Now().Add(-s.settings.GuestRetention)
	err := database.ProcessBatches(ctx, guestBatches, func(ctx context.Context) ([]uuid.UUID, error) {
		return selectExpiredGuestOrders(ctx, s.DB, before, guestBatch)
	}, s.anonymizeGuestOrders)
	if err != nil {
		return fmt.Errorf("anonymize expired orders of guests: %w", err)
	}
	return nil
}

// anonymizeGuestOrders removes the personal data of orders, unless an account has adopted them
// meanwhile.
func (s *service) anonymizeGuestOrders(ctx context.Context, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		guests, err := lockOrdersOfGuests(ctx, tx, ids)
		if err != nil || len(guests) == 0 {
			return err
		}
		if err := anonymizeOrdersByID(ctx, tx, guests, s.Now()); err != nil {
			return err
		}
		if err := deleteGuestOrders(ctx, tx, guests); err != nil {
			return err
		}
		if err := trail.EraseGuests(ctx, tx, guests); err != nil {
			return err
		}
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "orders of guests anonymized", "orders", len(guests), "from", guests[0])
		})
		return nil
	})
}

// selectExpiredGuestOrders returns the ids of orders of guests that were placed before a time and
// have ended, oldest first.
func selectExpiredGuestOrders(ctx context.Context, q database.Queryer, before time.Time, limit int) ([]uuid.UUID, error) {
	args := append([]any{before}, database.Args(openStatuses)...)
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT g.order_id
		FROM guest_order g FORCE INDEX (guest_order_by_age)
		STRAIGHT_JOIN orders o FORCE INDEX (PRIMARY) ON o.id = g.order_id
		WHERE g.placed_at < ? AND o.status NOT IN (`+database.Placeholders(len(openStatuses))+`)
		ORDER BY g.placed_at
		LIMIT ?`, append(args, limit)...)
}

// lockOrdersOfGuests returns those of the given orders that are of guests, and locks their records
// until the transaction ends, as order-adopt does.
func lockOrdersOfGuests(ctx context.Context, tx *database.Tx, ids []uuid.UUID) ([]uuid.UUID, error) {
	return database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM guest_order
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY order_id
		FOR UPDATE`, database.IDs(ids)...)
}
