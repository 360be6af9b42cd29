package order

import (
	"context"

	"souk/shared/database"
)

// updateWithdrawn stores which units of a locked order are withdrawn, or have come back.
func updateWithdrawn(ctx context.Context, tx *database.Tx, o *Order, changes []withdrawal) error {
	for _, c := range changes {
		_, err := tx.ExecContext(ctx, `
			UPDATE order_item
			SET withdrawn = withdrawn + ?, taken_back = taken_back + ?
			WHERE order_id = ? AND line = ?`, c.withdrawn, c.takenBack, o.ID[:], c.line)
		if err != nil {
			return err
		}
	}
	return nil
}
