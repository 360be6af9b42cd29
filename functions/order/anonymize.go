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
	"souk/shared/trail"
)

// isErased reports whether the personal data of the order's customer was erased. What leads to a person is
// not stored of it again.
func (o *Order) isErased() bool { return o.UserID == anonymousUser }

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
// statements does not depend on the number of orders; a customer has at most ORDER_MAX_OPEN
// open ones.
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
	if err := deleteCheckouts(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("delete checkouts of customer %s: %w", user.UserID, err)
	}
	if err := deleteSource(ctx, tx, user.UserID); err != nil {
		return fmt.Errorf("delete customer %s as a source of orders: %w", user.UserID, err)
	}
	if err := notes.EraseAuthor(ctx, tx, user.UserID); err != nil {
		return err
	}
	if err := trail.Erase(ctx, tx, user.UserID); err != nil {
		return err
	}
	return idempotency.DeleteKeys(ctx, tx, user.UserID)
}

// cancelOpenOrders cancels a customer's open orders. Their events contain anonymousUser
// instead of the customer's id, and no e-mail address.
func (s *service) cancelOpenOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	orders, err := lockOpenOrders(ctx, tx, userID)
	if err != nil {
		return err
	}
	changes := make([]statusChange, len(orders))
	for i := range orders {
		orders[i].UserID, orders[i].Contact = anonymousUser, Contact{}
		changes[i] = statusChange{order: &orders[i], reason: reasonAccountDeleted, actor: Actor{Kind: System}, cause: ctx}
	}
	_, err = s.changeStatuses(ctx, tx, Cancelled, changes...)
	return err
}

// deletedCustomerRetention is how long the id of a deleted customer is stored, to refuse requests with an
// access token of the deleted account, and events about it that are delivered later: an account that
// adopted orders after its deletion would never be erased from them. A dead letter may still be replayed
// within that time.
const deletedCustomerRetention = 31 * 24 * time.Hour

// pruneDeletedCustomers deletes the ids of customers whose accounts were deleted more than
// deletedCustomerRetention ago.
func (s *service) pruneDeletedCustomers(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneDeletedCustomersSQL, s.Now().Add(-deletedCustomerRetention)); err != nil {
		return fmt.Errorf("prune deleted customers: %w", err)
	}
	return nil
}
