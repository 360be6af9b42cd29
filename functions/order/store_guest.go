package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertGuestOrders records that new orders are of guests, if they are.
func insertGuestOrders(ctx context.Context, tx *database.Tx, orders []*Order) error {
	var rows [][]any
	for _, o := range orders {
		if o.mailbox != uuid.Nil {
			rows = append(rows, []any{o.ID[:], o.mailbox[:], o.CreatedAt})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := database.InsertRows(ctx, tx, "guest_order (order_id, mailbox, placed_at)", "", rows); err != nil {
		return fmt.Errorf("insert %d orders of guests: %w", len(rows), err)
	}
	return nil
}

// lockGuestOrders returns the ids of the orders of guests with a mailbox, in ascending order, and
// locks them until the transaction ends. No other order of the mailbox is placed meanwhile.
func lockGuestOrders(ctx context.Context, tx *database.Tx, mailbox uuid.UUID) ([]uuid.UUID, error) {
	ids, err := database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM guest_order
		WHERE mailbox = ?
		ORDER BY order_id
		FOR UPDATE`, mailbox[:])
	if err != nil {
		return nil, fmt.Errorf("lock the orders of guests with mailbox %s: %w", mailbox, err)
	}
	return ids, nil
}

// adoptOrders makes locked orders of guests those of an account. Their version increases: staff
// gets another representation. The time of the last update remains: unpaid orders are cancelled by
// it. The uses of discounts by the mailbox become those of the account, so that its limits hold,
// and its deletion erases them.
func adoptOrders(ctx context.Context, tx *database.Tx, account emailConfirmed, orders []uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE orders FORCE INDEX (PRIMARY)
		SET user_id = ?, email = NULL, contact_name = NULL, adoptions = adoptions + 1, version = version + 1
		WHERE id IN (`+database.Placeholders(len(orders))+`)`, append([]any{account.UserID[:]}, database.IDs(orders)...)...)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE discount_use
		SET customer_id = ?
		WHERE customer_id = ?`, account.UserID[:], account.EmailID[:])
	if err != nil {
		return err
	}
	return deleteGuestOrders(ctx, tx, orders)
}

// setMailbox stores the id of the e-mail address of a locked customer.
func setMailbox(ctx context.Context, tx *database.Tx, account emailConfirmed) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE customer
		SET mailbox = ?
		WHERE user_id = ?`, account.EmailID[:], account.UserID[:])
	return err
}

// deleteGuestOrders removes the record that orders are of guests.
func deleteGuestOrders(ctx context.Context, tx *database.Tx, orders []uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM guest_order
		WHERE order_id IN (`+database.Placeholders(len(orders))+`)`, database.IDs(orders)...)
	return err
}
