package order

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockCustomer locks the row of a customer until the transaction ends, and reports whether
// the customer's account was deleted.
func lockCustomer(ctx context.Context, tx *database.Tx, id uuid.UUID) (deleted bool, err error) {
	customers, err := lockCustomers(ctx, tx, []uuid.UUID{id})
	return customers[id], err
}

// lockCustomers locks the rows of customers until the transaction ends, in the order of their
// ids. It reports for each whether the customer's account was deleted.
func lockCustomers(ctx context.Context, tx *database.Tx, ids []uuid.UUID) (deleted map[uuid.UUID]bool, err error) {
	deleted = map[uuid.UUID]bool{}
	if err := lockExistingCustomers(ctx, tx, ids, deleted); err != nil {
		return nil, err
	}
	var added []uuid.UUID
	var rows [][]any
	for _, id := range database.SortedIDs(slices.Values(ids)) {
		if _, exists := deleted[id]; !exists {
			added, rows = append(added, id), append(rows, []any{id[:]})
		}
	}
	if len(added) == 0 {
		return deleted, nil
	}
	// There is no row before the customer's first order. If several transactions get here
	// at the same time, one inserts the row and the others wait for it. Their UPDATE changes
	// nothing, but locks the row.
	if err := database.InsertRows(ctx, tx, "customer (user_id)", "ON DUPLICATE KEY UPDATE user_id = user_id", rows); err != nil {
		return nil, fmt.Errorf("insert %d customers from %s: %w", len(added), added[0], err)
	}
	// The transaction that inserted the row may have marked it as deleted.
	return deleted, lockExistingCustomers(ctx, tx, added, deleted)
}

// lockExistingCustomers is lockCustomers for customers with a row.
func lockExistingCustomers(ctx context.Context, tx *database.Tx, ids []uuid.UUID, deleted map[uuid.UUID]bool) error {
	err := database.Each(ctx, tx, func(row database.Scanner) error {
		var id uuid.UUID
		var isDeleted bool
		if err := row.Scan(&id, &isDeleted); err != nil {
			return err
		}
		deleted[id] = isDeleted
		return nil
	}, `
		SELECT user_id, deleted_at IS NOT NULL
		FROM customer
		WHERE user_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY user_id
		FOR UPDATE`, database.IDs(ids)...)
	if err != nil {
		return fmt.Errorf("lock %d customers from %s: %w", len(ids), ids[0], err)
	}
	return nil
}

// markDeleted records that the account of a locked customer was deleted.
func markDeleted(ctx context.Context, tx *database.Tx, id uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE customer
		SET deleted_at = ?, mailbox = NULL
		WHERE user_id = ?`, at, id[:])
	return err
}

const pruneDeletedCustomersSQL = `DELETE FROM customer WHERE deleted_at < ? ORDER BY deleted_at LIMIT ?`

// customerProduct identifies a product in the open orders of a customer.
type customerProduct struct{ customer, product uuid.UUID }

// countOpen returns the numbers of customers' open orders, and those of the units of products in them,
// with one statement: it is part of every order that is placed.
func countOpen(ctx context.Context, q database.Queryer, customers, products []uuid.UUID) (counts map[uuid.UUID]int64, units map[customerProduct]int64, err error) {
	counts, units = map[uuid.UUID]int64{}, map[customerProduct]int64{}
	open := append(database.IDs(customers), database.Args(openStatuses)...)
	err = database.Each(ctx, q, func(row database.Scanner) error {
		var customer uuid.UUID
		var product uuid.NullUUID
		var count int64
		if err := row.Scan(&customer, &product, &count); err != nil {
			return err
		}
		if product.Valid {
			units[customerProduct{customer, product.UUID}] = count
		} else {
			counts[customer] = count
		}
		return nil
	}, `
		SELECT user_id, NULL, COUNT(*)
		FROM orders
		WHERE user_id IN (`+database.Placeholders(len(customers))+`) AND status IN (`+database.Placeholders(len(openStatuses))+`)
		GROUP BY user_id
		UNION ALL
		SELECT o.user_id, i.product_id, SUM(i.quantity)
		FROM orders o FORCE INDEX (orders_by_user_status)
		STRAIGHT_JOIN order_item i FORCE INDEX (PRIMARY) ON i.order_id = o.id
		WHERE o.user_id IN (`+database.Placeholders(len(customers))+`) AND o.status IN (`+database.Placeholders(len(openStatuses))+`)
			AND i.product_id IN (`+database.Placeholders(len(products))+`)
		GROUP BY o.user_id, i.product_id`, slices.Concat(open, open, database.IDs(products))...)
	return counts, units, err
}

// countOpenGuestOrders returns the numbers of open orders of guests by their mailboxes.
func countOpenGuestOrders(ctx context.Context, q database.Queryer, mailboxes []uuid.UUID) (map[uuid.UUID]int64, error) {
	return collectCounts(ctx, q, `
		SELECT g.mailbox, COUNT(*)
		FROM guest_order g
		JOIN orders o ON o.id = g.order_id
		WHERE g.mailbox IN (`+database.Placeholders(len(mailboxes))+`) AND o.status IN (`+database.Placeholders(len(openStatuses))+`)
		GROUP BY g.mailbox`, append(database.IDs(mailboxes), database.Args(openStatuses)...)...)
}

// sumOpenGuestUnits returns the numbers of units of products in the open orders of mailboxes.
func sumOpenGuestUnits(ctx context.Context, q database.Queryer, mailboxes, products []uuid.UUID) (map[customerProduct]int64, error) {
	args := append(database.IDs(mailboxes), database.Args(openStatuses)...)
	return collectUnits(ctx, q, `
		SELECT g.mailbox, i.product_id, SUM(i.quantity)
		FROM guest_order g
		STRAIGHT_JOIN orders o ON o.id = g.order_id
		STRAIGHT_JOIN order_item i FORCE INDEX (PRIMARY) ON i.order_id = o.id
		WHERE g.mailbox IN (`+database.Placeholders(len(mailboxes))+`) AND o.status IN (`+database.Placeholders(len(openStatuses))+`)
			AND i.product_id IN (`+database.Placeholders(len(products))+`)
		GROUP BY g.mailbox, i.product_id`, append(args, database.IDs(products)...)...)
}

// collectCounts returns the result of a query for numbers by id.
func collectCounts(ctx context.Context, q database.Queryer, query string, args ...any) (map[uuid.UUID]int64, error) {
	counts := map[uuid.UUID]int64{}
	return counts, database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var count int64
		err := row.Scan(&id, &count)
		counts[id] = count
		return err
	}, query, args...)
}

// collectUnits returns the result of a query for units by customer and product.
func collectUnits(ctx context.Context, q database.Queryer, query string, args ...any) (map[customerProduct]int64, error) {
	units := map[customerProduct]int64{}
	return units, database.Each(ctx, q, func(row database.Scanner) error {
		var key customerProduct
		var sum int64
		err := row.Scan(&key.customer, &key.product, &sum)
		units[key] = sum
		return err
	}, query, args...)
}
