package audit

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
)

// stock adds up each product's stock. All of it is changed in transactions of the
// one database, so it adds up at every moment, and needs no grace.
func (a *auditor) stock(ctx context.Context) (err error) {
	for _, table := range []string{"product", "stock_movement", "reservation"} {
		if a.rows[table], err = a.product.count(ctx, table); err != nil {
			return err
		}
	}
	if err := a.stockSums(ctx); err != nil {
		return err
	}
	if err := a.negativeStock(ctx); err != nil {
		return err
	}
	if err := a.reservedSums(ctx); err != nil {
		return err
	}
	if err := a.unshippedItems(ctx); err != nil {
		return err
	}
	return a.missingProducts(ctx)
}

func (a *auditor) stockSums(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var available, moved, reserved int64
		if err := rows.Scan(&id, &available, &moved, &reserved); err != nil {
			return err
		}
		a.find(StockSum, about("product", id), "%d available, but movements of %d less %d reserved are %d",
			available, moved, reserved, moved-reserved)
		return nil
	}, `
		SELECT p.id, p.available, COALESCE(m.units, 0), COALESCE(r.units, 0)
		FROM product p
		LEFT JOIN (
			SELECT product_id, SUM(delta) AS units
			FROM stock_movement
			GROUP BY product_id
		) m ON m.product_id = p.id
		LEFT JOIN (
			SELECT i.product_id, SUM(i.quantity - i.restocked) AS units
			FROM reservation_item i
			JOIN reservation r ON r.order_id = i.order_id
			WHERE r.state = 'reserved'
			GROUP BY i.product_id
		) r ON r.product_id = p.id
		WHERE p.available <> COALESCE(m.units, 0) - COALESCE(r.units, 0)`)
}

// reservedSums adds up the units that are reserved and not shipped. Items of orders from before they were
// counted have none.
func (a *auditor) reservedSums(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var reserved, unshipped int64
		if err := rows.Scan(&id, &reserved, &unshipped); err != nil {
			return err
		}
		a.find(ReservedSum, about("product", id), "%d reserved, but %d units of its orders are not shipped", reserved, unshipped)
		return nil
	}, `
		SELECT p.id, p.reserved, COALESCE(r.units, 0)
		FROM product p
		LEFT JOIN (
			SELECT i.product_id, SUM(i.unshipped) AS units
			FROM reservation_item i
			JOIN reservation r ON r.order_id = i.order_id
			WHERE r.state = 'reserved'
			GROUP BY i.product_id
		) r ON r.product_id = p.id
		WHERE p.reserved <> COALESCE(r.units, 0)`)
}

// unshippedItems finds items of which more units are not shipped than were ordered, or less than none.
func (a *auditor) unshippedItems(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var order, id uuid.UUID
		var quantity, unshipped int64
		if err := rows.Scan(&order, &id, &quantity, &unshipped); err != nil {
			return err
		}
		a.find(ReservedSum, about("product", id), "%d of %d units of order %s are not shipped", unshipped, quantity, order)
		return nil
	}, `
		SELECT order_id, product_id, quantity, unshipped
		FROM reservation_item
		WHERE unshipped NOT BETWEEN 0 AND quantity`)
}

func (a *auditor) negativeStock(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var available, reserved int64
		if err := rows.Scan(&id, &available, &reserved); err != nil {
			return err
		}
		a.find(StockNegative, about("product", id), "%d available, %d reserved", available, reserved)
		return nil
	}, `
		SELECT id, available, reserved
		FROM product
		WHERE available < 0 OR reserved < 0`)
}

func (a *auditor) missingProducts(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var what string
		var units int64
		if err := rows.Scan(&what, &id, &units); err != nil {
			return err
		}
		a.find(ProductMissing, about("product", id), "does not exist, but %d units of it are %s", units, what)
		return nil
	}, `
		SELECT 'reserved', i.product_id, SUM(i.quantity)
		FROM reservation_item i
		LEFT JOIN product p ON p.id = i.product_id
		WHERE p.id IS NULL
		GROUP BY i.product_id
		UNION ALL
		SELECT 'booked', m.product_id, SUM(m.delta)
		FROM stock_movement m
		LEFT JOIN product p ON p.id = m.product_id
		WHERE p.id IS NULL
		GROUP BY m.product_id`)
}

// about names the subject of a finding.
func about(what string, id uuid.UUID) string { return fmt.Sprintf("%s %s", what, id) }
