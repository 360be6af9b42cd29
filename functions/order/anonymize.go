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

// userDeleted contains the fields of the event user-deleted that order-anonymize uses.
type userDeleted struct {
	UserID uuid.UUID `json:"userId"`
}

// anonymousUser is the customer id of the orders of all deleted accounts. With a separate
// id for each account, the orders of one person could still be linked to each other, which
// could identify the person.
var anonymousUser = uuid.Nil

// anonymize removes the personal data of a deleted account from its orders. Items,
// prices and totals remain. Open orders are cancelled, because they cannot be shipped
// without the address, and their stock is released.
//
// All changes are made in one transaction, which locks the customer. The customer cannot
// place an order during the transaction, so that no order is missed. The number of
// statements does not depend on the number of closed orders. Each open order needs
// additional statements, and a customer has at most ORDER_MAX_OPEN open orders.
func (s *service) anonymize(ctx context.Context, tx *database.Tx, _ event.Event, user userDeleted) error {
	if user.UserID == anonymousUser {
		return errors.New("event has no userId")
	}
	// A concurrent order-place commits before this transaction gets the lock, or waits for
	// the lock and is then refused.
	if _, err := lockCustomer(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("lock customer %s: %w", user.UserID, err)
	}
	if err := markDeleted(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("mark customer %s as deleted: %w", user.UserID, err)
	}
	if err := s.cancelOpenOrders(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("cancel open orders of customer %s: %w", user.UserID, err)
	}
	if err := anonymizeOrders(ctx, tx, user.UserID, s.Now()); err != nil {
		return fmt.Errorf("anonymize orders of customer %s: %w", user.UserID, err)
	}
	return idempotency.DeleteKeys(ctx, tx, user.UserID)
}

// cancelOpenOrders cancels a customer's open orders. Their events contain anonymousUser
// instead of the customer's id.
func (s *service) cancelOpenOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	orders, err := lockOpenOrders(ctx, tx, userID)
	if err != nil {
		return err
	}
	for i := range orders {
		orders[i].UserID = anonymousUser
		_, err := s.changeStatus(ctx, tx, &orders[i], Cancelled, "account_deleted", Actor{Kind: System})
		if err != nil {
			return err
		}
	}
	return nil
}

// deletedCustomerRetention is how long the id of a deleted customer is stored, to refuse
// requests with an access token of the deleted account. Such a token is valid for up to 15
// minutes if it was not revoked.
const deletedCustomerRetention = 24 * time.Hour

// pruneDeletedCustomers deletes the ids of customers whose accounts were deleted more than
// deletedCustomerRetention ago.
func (s *service) pruneDeletedCustomers(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneDeletedCustomersSQL, s.Now().Add(-deletedCustomerRetention)); err != nil {
		return fmt.Errorf("prune deleted customers: %w", err)
	}
	return nil
}
