package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// orderAdopted contains the fields of the event order-adopted that payment-adopt uses.
type orderAdopted struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
}

// adopt makes the payment and the documents of a guest's order those of an account. It fails if it
// is called before the order's copy is stored: its owner is that of payments that are created later,
// by events from before the adoption.
func (s *service) adopt(ctx context.Context, tx *database.Tx, _ event.Event, adopted orderAdopted) error {
	if adopted.OrderID == uuid.Nil || adopted.UserID == uuid.Nil {
		return errors.New("event has no orderId or no userId")
	}
	copied, err := changeOwner(ctx, tx, adopted)
	if err != nil {
		return fmt.Errorf("change the customer of order %s: %w", adopted.OrderID, err)
	}
	if !copied && s.isCopyDue(adopted.OrderID) {
		return fmt.Errorf("order %s was adopted, but its order-placed was not delivered", adopted.OrderID)
	}
	err = trail.Record(ctx, tx, trail.Change{
		Resource: resourcePayment, ID: adopted.OrderID, After: trail.Fields{"userId": trail.Personal(adopted.UserID)}, At: s.Now(),
	})
	if err != nil {
		return err
	}
	return anonymizeLate(ctx, tx, adopted.UserID)
}

// changeOwner changes the owner of an order in its payment and its copy. It reports whether there
// is a copy.
func changeOwner(ctx context.Context, tx *database.Tx, adopted orderAdopted) (copied bool, err error) {
	const ofPayment = `UPDATE payment SET user_id = ?, version = version + 1 WHERE order_id = ? AND user_id <> ?`
	args := []any{adopted.UserID[:], adopted.OrderID[:], adopted.UserID[:]}
	// The payment's row is locked first, as by the functions that change both.
	if _, err := tx.ExecContext(ctx, ofPayment, args...); err != nil {
		return false, err
	}
	copied, err = database.Affected(tx.ExecContext(ctx, `UPDATE order_copy SET user_id = ?, guest_until = NULL WHERE order_id = ?`, args[:2]...))
	if err != nil {
		return false, err
	}
	// A payment that was inserted since has read the copy's owner before it was changed.
	_, err = tx.ExecContext(ctx, ofPayment, args...)
	return copied, err
}

// isCopyDue reports whether the copy of an order that is to be paid is stored, or is still to be: it
// is deleted after orderCopyRetention if the order is not paid. The time of an order is in its id.
func (s *service) isCopyDue(orderID uuid.UUID) bool {
	return orderID.Version() == 7 && s.Now().Sub(time.Unix(orderID.Time().UnixTime())) < orderCopyRetention
}
