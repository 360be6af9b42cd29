package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"souk/shared/pricing"
)

// totals compares the total of each order with its lines and its quote, and the uses of discounts
// with the orders that have them.
func (a *auditor) totals(ctx context.Context) error {
	uses := map[uuid.UUID]int64{}
	err := a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var status string
		var total, lines, sum int64
		var quote []byte
		if err := rows.Scan(&id, &status, &total, &quote, &lines, &sum); err != nil {
			return err
		}
		switch {
		case lines == 0:
			a.find(OrderItems, about("order", id), "a total of %d for nothing", total)
		case quote == nil:
			a.find(OrderTotal, about("order", id), "a total of %d, but its %d lines add up to %d", total, lines, sum)
		default:
			a.quote(id, quote, total, sum, func(discount uuid.UUID) {
				if !slices.Contains(hasNone, status) {
					uses[discount]++
				}
			})
		}
		return nil
	}, `
		SELECT o.id, o.status, o.total_amount, o.quote, COALESCE(i.lines_of, 0), COALESCE(i.amount, 0)
		FROM orders o
		LEFT JOIN (
			SELECT order_id, COUNT(*) AS lines_of, SUM(unit_price * quantity) AS amount
			FROM order_item
			GROUP BY order_id
		) i ON i.order_id = o.id
		WHERE i.lines_of IS NULL OR o.quote IS NOT NULL OR i.amount <> o.total_amount`)
	if err != nil {
		return err
	}
	return a.discounts(ctx, uses)
}

// quote compares the quote of an order with its total and the sum of its lines. It calls used with
// the id of each discount that the quote has a use of.
func (a *auditor) quote(id uuid.UUID, text []byte, total, sum int64, used func(uuid.UUID)) {
	var q pricing.Quote
	if err := json.Unmarshal(text, &q); err != nil {
		a.find(OrderTotal, about("order", id), "has a quote that cannot be read: %v", err)
		return
	}
	if err := q.Check(); err != nil {
		a.find(OrderTotal, about("order", id), "has a quote that does not add up: %v", err)
	}
	if q.Total != total || q.Subtotal != sum {
		a.find(OrderTotal, about("order", id), "a total of %d and lines of %d, but its quote is of %d and %d", total, sum, q.Total, q.Subtotal)
	}
	for i := range q.Discounts {
		discount, err := uuid.Parse(q.Discounts[i].ID)
		if err != nil {
			a.find(OrderTotal, about("order", id), "has a discount %q, which is no id", q.Discounts[i].ID)
		} else if q.Discounts[i].Amount > 0 {
			used(discount)
		}
	}
}

// discounts compares the counted uses of each discount, and its stored ones, with the orders that
// have them. Discounts that were deleted are not counted any more.
func (a *auditor) discounts(ctx context.Context, uses map[uuid.UUID]int64) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var counted, stored int64
		if err := rows.Scan(&id, &counted, &stored); err != nil {
			return err
		}
		if counted != uses[id] || stored != uses[id] {
			a.find(DiscountUses, about("discount", id), "%d uses are counted and %d stored, but %d orders have it", counted, stored, uses[id])
		}
		return nil
	}, `
		SELECT d.id, d.uses, COALESCE(u.stored_uses, 0)
		FROM discount d
		LEFT JOIN (
			SELECT discount_id, COUNT(*) AS stored_uses
			FROM discount_use
			GROUP BY discount_id
		) u ON u.discount_id = d.id`)
}
