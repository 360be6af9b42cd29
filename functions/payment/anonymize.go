package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// userDeleted contains the fields of the event user-deleted that payment-anonymize uses.
type userDeleted struct {
	UserID uuid.UUID `json:"userId"`
}

// anonymousUser is the customer id of the payments of all deleted accounts, as in their orders.
var anonymousUser = uuid.Nil

// anonymize removes the personal data of a deleted account from its payments and from the copies of
// its orders. Invoices and credit notes stay as they were issued, with name and address, because the
// law requires to store them. The copy of an order whose invoice may still be due retains what
// the invoice needs until it is issued. Events that are delivered later do not store the customer
// again: see anonymizeLate.
func (s *service) anonymize(ctx context.Context, tx *database.Tx, _ event.Event, user userDeleted) error {
	if user.UserID == anonymousUser {
		return errors.New("event has no userId")
	}
	if err := markDeleted(ctx, tx, user.UserID, s.Now()); err != nil {
		return err
	}
	if err := trail.Erase(ctx, tx, user.UserID); err != nil {
		return err
	}
	return anonymizePayments(ctx, tx, user.UserID)
}

// anonymizePayments removes the customer from payments, refunds and copies of orders. The reasons of
// refunds are free text, which may contain names. By the indexes, rows that a concurrent transaction
// has inserted are waited for; a scan of the table could skip them.
func anonymizePayments(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	for _, statement := range []string{
		`DELETE FROM payment_source WHERE source = ?`,
		`UPDATE payment p FORCE INDEX (payment_by_user) JOIN refund r ON r.order_id = p.order_id SET r.reason = '' WHERE p.user_id = ?`,
		`UPDATE order_copy o FORCE INDEX (order_copy_by_user)
		LEFT JOIN payment p ON p.order_id = o.order_id
		LEFT JOIN invoice i ON i.source = o.order_id AND i.kind = 'invoice'
		SET o.email = NULL, o.name = NULL, o.billing_address = NULL, o.shipping_address = NULL
		WHERE o.user_id = ? AND (i.id IS NOT NULL OR COALESCE(p.captured, 0) = 0 AND COALESCE(p.state, '') NOT IN ('processing', 'authorized'))`,
	} {
		if _, err := tx.ExecContext(ctx, statement, userID[:]); err != nil {
			return fmt.Errorf("anonymize the payments of customer %s: %w", userID, err)
		}
	}
	for _, statement := range []string{
		`UPDATE order_copy FORCE INDEX (order_copy_by_user) SET user_id = ? WHERE user_id = ?`,
		`UPDATE payment FORCE INDEX (payment_by_user) SET user_id = ?, version = version + 1 WHERE user_id = ?`,
	} {
		if _, err := tx.ExecContext(ctx, statement, anonymousUser[:], userID[:]); err != nil {
			return fmt.Errorf("remove customer %s from payments: %w", userID, err)
		}
	}
	return nil
}
