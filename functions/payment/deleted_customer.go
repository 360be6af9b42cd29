package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// deletedCustomerRetention is how long the id of a deleted customer is stored: as long as a dead
// letter, which may still be replayed.
const deletedCustomerRetention = 31 * 24 * time.Hour

// markDeleted records that a customer's account was deleted.
func markDeleted(ctx context.Context, tx *database.Tx, userID uuid.UUID, at time.Time) error {
	err := database.InsertRows(ctx, tx, "deleted_customer (user_id, deleted_at)", "ON DUPLICATE KEY UPDATE deleted_at = VALUES(deleted_at)", [][]any{{userID[:], at}})
	if err != nil {
		return fmt.Errorf("mark customer %s as deleted: %w", userID, err)
	}
	return nil
}

// lockDeleted reports whether a customer's account was deleted. It is called after data of the customer
// was stored: a concurrent payment-anonymize then finds the data, or is found here.
func lockDeleted(ctx context.Context, tx *database.Tx, userID uuid.UUID) (bool, error) {
	if userID == anonymousUser {
		return false, nil
	}
	_, err := database.Get(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM deleted_customer
		WHERE user_id = ?
		FOR UPDATE`, userID[:])
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read whether customer %s was deleted: %w", userID, err)
	}
	return true, nil
}

// anonymizeLate removes the personal data that a transaction has stored of a customer whose account
// was deleted before: the event that it handles was delivered after user-deleted.
func anonymizeLate(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	deleted, err := lockDeleted(ctx, tx, userID)
	if err != nil || !deleted {
		return err
	}
	return anonymizePayments(ctx, tx, userID)
}

const pruneDeletedCustomersSQL = `DELETE FROM deleted_customer WHERE deleted_at < ? ORDER BY deleted_at LIMIT ?`

// pruneDeletedCustomers deletes the ids of customers that were deleted long ago.
func (s *service) pruneDeletedCustomers(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneDeletedCustomersSQL, s.Now().Add(-deletedCustomerRetention)); err != nil {
		return fmt.Errorf("prune deleted customers: %w", err)
	}
	return nil
}
