package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/idempotency"
)

// userDeleted is what order-anonymize reads of the event user-deleted.
type userDeleted struct {
	UserID uuid.UUID `json:"userId"`
}

// nobody is whose the orders of deleted accounts are. It is one id for all of
// them: with one a person, what somebody bought over the years would stay together,
// and could lead back to who it was.
var nobody = uuid.Nil

// anonymize takes a person out of the orders, whose items, prices and totals stay.
// Orders that have not left the shop cannot be sent without an address: they are
// cancelled, and their stock goes back.
//
// All is one transaction, in which nothing can be placed: no order is missed. What
// has ended costs the same few statements however much it is; what is open costs
// some for each order, and there are ORDER_MAX_OPEN of them at most.
func (s *service) anonymize(ctx context.Context, tx *database.Tx, _ event.Event, user userDeleted) error {
	if user.UserID == nobody {
		return errors.New("the event does not say who was deleted")
	}
	// An order being placed right now is committed before this, or refused after.
	if _, err := lockCustomer(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("lock customer %s: %w", user.UserID, err)
	}
	if err := markDeleted(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("mark customer %s as deleted: %w", user.UserID, err)
	}
	if err := s.cancelOpen(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("cancel the open orders of customer %s: %w", user.UserID, err)
	}
	if err := anonymizeOrders(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("anonymize the orders of customer %s: %w", user.UserID, err)
	}
	return idempotency.Forget(ctx, tx, user.UserID)
}

// cancelOpen cancels what a customer has open. The events that tell it name nobody.
func (s *service) cancelOpen(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	orders, err := lockOpen(ctx, tx, userID)
	if err != nil {
		return err
	}
	for i := range orders {
		orders[i].UserID = nobody
		_, err := s.move(ctx, tx, &orders[i], step{To: Cancelled, Reason: "account_deleted", Event: "order-cancelled"}, Actor{Kind: System})
		if err != nil {
			return err
		}
	}
	return nil
}

// deletedKept is how long a deleted customer's id stays, to refuse orders. The last
// access token of the account is valid for a quarter of an hour, if it is not revoked.
const deletedKept = 24 * time.Hour

// forgetCustomers deletes the ids of customers whose tokens are long out of date.
func (s *service) forgetCustomers(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, deleteForgotten, s.Now().Add(-deletedKept)); err != nil {
		return fmt.Errorf("forget deleted customers: %w", err)
	}
	return nil
}
