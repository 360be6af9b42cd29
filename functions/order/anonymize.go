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

// anonymousUser is the customer id of the orders of all deleted accounts. A separate
// id for each account would link the orders that a person placed over the years, and
// could identify that person.
var anonymousUser = uuid.Nil

// anonymize removes the personal data of a deleted account from its orders. Items,
// prices and totals remain. Orders that have not been shipped can no longer be sent,
// because their address is deleted: they are cancelled, and their stock is released.
//
// All changes are in one transaction, which locks the customer. The customer cannot
// place an order meanwhile, so that no order is missed. Closed orders take the same
// few statements however many they are. Each open order takes some statements of its
// own; there are at most ORDER_MAX_OPEN of them.
func (s *service) anonymize(ctx context.Context, tx *database.Tx, _ event.Event, user userDeleted) error {
	if user.UserID == anonymousUser {
		return errors.New("the event has no userId")
	}
	// A concurrent order is committed before this lock, or rejected after it.
	if _, err := lockCustomer(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("lock customer %s: %w", user.UserID, err)
	}
	if err := markDeleted(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("mark customer %s as deleted: %w", user.UserID, err)
	}
	if err := s.cancelOpen(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("cancel open orders of customer %s: %w", user.UserID, err)
	}
	if err := anonymizeOrders(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("anonymize orders of customer %s: %w", user.UserID, err)
	}
	return idempotency.Forget(ctx, tx, user.UserID)
}

// cancelOpen cancels a customer's open orders. The events that it publishes bear
// anonymousUser in place of the customer's id.
func (s *service) cancelOpen(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	orders, err := lockOpen(ctx, tx, userID)
	if err != nil {
		return err
	}
	for i := range orders {
		orders[i].UserID = anonymousUser
		_, err := s.move(ctx, tx, &orders[i], Cancelled, "account_deleted", Actor{Kind: System})
		if err != nil {
			return err
		}
	}
	return nil
}

// deletedRetention is how long the id of a deleted customer is stored, to reject its
// orders. An access token of the account that is not revoked is valid for 15 minutes.
const deletedRetention = 24 * time.Hour

// deleteExpiredCustomers deletes the ids of customers who were deleted longer than
// deletedRetention ago.
func (s *service) deleteExpiredCustomers(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, deleteExpiredStatement, s.Now().Add(-deletedRetention)); err != nil {
		return fmt.Errorf("delete expired customers: %w", err)
	}
	return nil
}
