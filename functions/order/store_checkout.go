package order

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const checkoutColumns = `id, user_id, content, order_id, version, created_at, updated_at, expires_at`

// selectCheckout returns a checkout, and locks it if requested until the transaction ends.
func selectCheckout(ctx context.Context, q database.Queryer, id uuid.UUID, lock lockMode) (checkout, error) {
	query := `
		SELECT ` + checkoutColumns + `
		FROM checkout
		WHERE id = ?`
	if lock == locked {
		query += `
		FOR UPDATE`
	}
	return database.Get(ctx, q, scanCheckout, query, id[:])
}

func scanCheckout(row database.Scanner) (c checkout, err error) {
	var content []byte
	var orderID uuid.NullUUID
	if err := row.Scan(&c.ID, &c.UserID, &content, &orderID, &c.Version, &c.CreatedAt, &c.UpdatedAt, &c.ExpiresAt); err != nil {
		return c, err
	}
	c.OrderID = orderID.UUID
	if err := json.Unmarshal(content, &c.Content); err != nil {
		return c, fmt.Errorf("decode checkout %s: %w", c.ID, err)
	}
	return c, nil
}

func insertCheckout(ctx context.Context, tx *database.Tx, c *checkout) error {
	content, err := json.Marshal(c.Content)
	if err != nil {
		return fmt.Errorf("encode checkout %s: %w", c.ID, err)
	}
	return database.InsertRows(ctx, tx, "checkout ("+checkoutColumns+")", "", [][]any{
		{c.ID[:], c.UserID[:], content, nullable(c.OrderID), c.Version, c.CreatedAt, c.UpdatedAt, c.ExpiresAt},
	})
}

// updateCheckout stores the content of a locked checkout.
func updateCheckout(ctx context.Context, tx *database.Tx, c *checkout) error {
	content, err := json.Marshal(c.Content)
	if err != nil {
		return fmt.Errorf("encode checkout %s: %w", c.ID, err)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE checkout
		SET content = ?, version = ?, updated_at = ?
		WHERE id = ?`, content, c.Version, c.UpdatedAt, c.ID[:])
	return err
}

// completedRetention is the minimum time for which a completed checkout is retained, as the
// idempotency keys of other orders are: meanwhile, each order has the request that created it.
const completedRetention = 24 * time.Hour

// completeCheckout records the order of a locked checkout.
func completeCheckout(ctx context.Context, tx *database.Tx, id, orderID uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE checkout
		SET order_id = ?, version = version + 1, updated_at = ?, expires_at = GREATEST(expires_at, ?)
		WHERE id = ?`, orderID[:], at, at.Add(completedRetention), id[:])
	return err
}

// deleteCheckouts deletes the checkouts of a customer.
func deleteCheckouts(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM checkout
		WHERE user_id = ?`, userID[:])
	return err
}

const pruneCheckoutsSQL = `DELETE FROM checkout WHERE expires_at < ? ORDER BY expires_at LIMIT ?`

// pruneCheckouts deletes expired checkouts.
func (s *service) pruneCheckouts(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneCheckoutsSQL, s.Now()); err != nil {
		return fmt.Errorf("prune checkouts: %w", err)
	}
	return nil
}
