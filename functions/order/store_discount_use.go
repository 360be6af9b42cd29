package order

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// countDiscountUses returns how often customers have used discounts.
func countDiscountUses(ctx context.Context, q database.Queryer, customers, discounts []uuid.UUID) (map[customerDiscount]int64, error) {
	counts := map[customerDiscount]int64{}
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var key customerDiscount
		var count int64
		err := row.Scan(&key.customer, &key.discount, &count)
		counts[key] = count
		return err
	}, `
		SELECT customer_id, discount_id, COUNT(*)
		FROM discount_use FORCE INDEX (discount_use_by_customer)
		WHERE customer_id IN (`+database.Placeholders(len(customers))+`) AND discount_id IN (`+database.Placeholders(len(discounts))+`)
		GROUP BY customer_id, discount_id`, append(database.IDs(customers), database.IDs(discounts)...)...)
	if err != nil {
		return nil, fmt.Errorf("count the uses of %d discounts from %s: %w", len(discounts), discounts[0], err)
	}
	return counts, nil
}

// discountUse is a use of discounts by an order.
type discountUse struct {
	order, customer uuid.UUID
	discounts       []uuid.UUID
}

// insertDiscountUses stores and counts the uses of locked discounts. It fails if a limit would be
// exceeded, which the callers exclude while they have the locks.
func insertDiscountUses(ctx context.Context, tx *database.Tx, uses []discountUse) error {
	counts := map[uuid.UUID]int64{}
	var rows [][]any
	for _, use := range uses {
		for _, discount := range use.discounts {
			counts[discount]++
			rows = append(rows, []any{use.order[:], discount[:], use.customer[:]})
		}
	}
	for _, id := range database.SortedIDs(maps.Keys(counts)) {
		n := counts[id]
		counted, err := database.Affected(tx.ExecContext(ctx, `
			UPDATE discount
			SET uses = uses + ?
			WHERE id = ? AND (max_uses = 0 OR uses + ? <= max_uses)`, n, id[:], n))
		if err != nil {
			return fmt.Errorf("count %d uses of discount %s: %w", n, id, err)
		}
		if !counted {
			return fmt.Errorf("count %d uses of discount %s: the discount is used up", n, id)
		}
	}
	return database.InsertRows(ctx, tx, "discount_use (order_id, discount_id, customer_id)", "", rows)
}

// returnDiscountUses returns the uses of discounts by locked orders that were cancelled or
// rejected.
func returnDiscountUses(ctx context.Context, tx *database.Tx, orders []*Order) error {
	counts := map[uuid.UUID]int64{}
	var ids []uuid.UUID
	for _, o := range orders {
		if o.quote == nil {
			continue
		}
		used, err := usedDiscounts(o.quote)
		if err != nil {
			return fmt.Errorf("order %s: %w", o.ID, err)
		}
		if len(used) > 0 {
			ids = append(ids, o.ID)
		}
		for _, id := range used {
			counts[id]++
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, id := range database.SortedIDs(maps.Keys(counts)) {
		// A discount that was deleted has no row.
		if _, err := tx.ExecContext(ctx, `UPDATE discount SET uses = uses - ? WHERE id = ?`, counts[id], id[:]); err != nil {
			return fmt.Errorf("return %d uses of discount %s: %w", counts[id], id, err)
		}
	}
	slices.SortFunc(ids, database.CompareIDs)
	if _, err := tx.ExecContext(ctx, `DELETE FROM discount_use WHERE order_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...); err != nil {
		return fmt.Errorf("return the uses of discounts by %d orders from %s: %w", len(ids), ids[0], err)
	}
	return nil
}
