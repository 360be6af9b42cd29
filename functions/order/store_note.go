package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/note"
)

// lockOwner returns an order with its id and customer alone, and locks it until the transaction ends.
func lockOwner(ctx context.Context, tx *database.Tx, id uuid.UUID) (Order, error) {
	return database.Get(ctx, tx, func(row database.Scanner) (o Order, err error) {
		err = row.Scan(&o.ID, &o.UserID)
		return o, err
	}, `
		SELECT id, user_id
		FROM orders
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// updateTags stores the tags of a locked order, whose version has increased by one. The time of the last
// update remains: unpaid orders are cancelled by it.
func updateTags(ctx context.Context, tx *database.Tx, o *Order) error {
	encoded, err := note.EncodeTags(o.tags)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE orders
		SET tags = ?, tag_changes = tag_changes + 1, version = version + 1
		WHERE id = ?`, encoded, o.ID[:])
	return err
}
