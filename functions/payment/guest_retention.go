package payment

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

// anonymizeGuests removes the personal data of guests from payments and copies of orders, after
// GUEST_RETENTION. Invoices and credit notes stay as they were issued.
func (s *service) anonymizeGuests(ctx context.Context) error {
	err := database.ProcessBatches(ctx, guestBatches, func(ctx context.Context) ([]uuid.UUID, error) {
		return selectExpiredGuests(ctx, s.DB, s.Now(), guestBatch)
	}, s.anonymizeGuestOrders)
	if err != nil {
		return fmt.Errorf("anonymize payments of guests: %w", err)
	}
	return nil
}

// anonymizeGuestOrders removes the personal data of orders, unless an account has adopted them
// meanwhile. The payments are locked first, as by the functions that change both.
func (s *service) anonymizeGuestOrders(ctx context.Context, ids []uuid.UUID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := lockPayments(ctx, tx, ids); err != nil {
			return err
		}
		guests, err := lockExpiredGuests(ctx, tx, ids, s.Now())
		if err != nil || len(guests) == 0 {
			return err
		}
		if err := anonymizeGuestPayments(ctx, tx, guests); err != nil {
			return err
		}
		if err := trail.EraseGuests(ctx, tx, guests); err != nil {
			return err
		}
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "payments of guests anonymized", "orders", len(guests), "from", guests[0])
		})
		return nil
	})
}

// selectExpiredGuests returns the ids of orders of guests whose data is to be removed, oldest first.
func selectExpiredGuests(ctx context.Context, q database.Queryer, now time.Time, limit int) ([]uuid.UUID, error) {
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM order_copy FORCE INDEX (order_copy_by_guest)
		WHERE guest_until < ?
		ORDER BY guest_until
		LIMIT ?`, now, limit)
}

// lockPayments locks the payments of orders until the transaction ends.
func lockPayments(ctx context.Context, tx *database.Tx, ids []uuid.UUID) error {
	_, err := database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM payment
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY order_id
		FOR UPDATE`, database.IDs(ids)...)
	return err
}

// lockExpiredGuests returns those of the given orders that are still of guests, and locks their
// copies until the transaction ends.
func lockExpiredGuests(ctx context.Context, tx *database.Tx, ids []uuid.UUID, now time.Time) ([]uuid.UUID, error) {
	return database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM order_copy
		WHERE order_id IN (`+database.Placeholders(len(ids))+`) AND guest_until < ?
		ORDER BY order_id
		FOR UPDATE`, append(database.IDs(ids), now)...)
}

// anonymizeGuestPayments removes the personal data of guests from refunds, payments and copies of
// orders.
func anonymizeGuestPayments(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID) error {
	list := ` IN (` + database.Placeholders(len(orderIDs)) + `)`
	ids := database.IDs(orderIDs)
	if _, err := tx.ExecContext(ctx, `UPDATE refund FORCE INDEX (refund_by_order) SET reason = '' WHERE order_id`+list, ids...); err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE payment SET user_id = ?, version = version + 1 WHERE order_id`,
		`UPDATE order_copy
		SET user_id = ?, email = NULL, name = NULL, billing_address = NULL, shipping_address = NULL, guest_until = NULL
		WHERE order_id`,
	} {
		if _, err := tx.ExecContext(ctx, statement+list, append([]any{anonymousUser[:]}, ids...)...); err != nil {
			return err
		}
	}
	return nil
}
