package audit

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
)

// guests checks the orders of guests: they have the e-mail address that a guest must enter, and
// their owner is a checkout of a guest that has placed this order. A checkout is deleted when it
// has expired. The owners are also compared with the accounts: see users.
func (a *auditor) guests(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id, owner uuid.UUID
		var hasEmail bool
		var user, placed uuid.NullUUID
		if err := rows.Scan(&id, &owner, &hasEmail, &user, &placed); err != nil {
			return err
		}
		subject := about("order", id)
		if !hasEmail {
			a.find(GuestOrder, subject, "is a guest's, and has no e-mail address")
		}
		if user.Valid && user.UUID != owner {
			a.find(GuestOrder, subject, "is a guest's, but its checkout %s is that of user %s", owner, user.UUID)
		}
		if user.Valid && placed.UUID != id {
			a.find(GuestOrder, subject, "is that of checkout %s, which has the order %s", owner, placed.UUID)
		}
		return nil
	}, `
		SELECT o.id, o.user_id, o.email IS NOT NULL, c.user_id, c.order_id
		FROM guest_order g
		JOIN orders o ON o.id = g.order_id
		LEFT JOIN checkout c ON c.id = o.user_id
		WHERE o.email IS NULL OR c.user_id <> c.id OR c.id IS NOT NULL AND COALESCE(c.order_id, '') <> o.id
		ORDER BY o.id`)
}
