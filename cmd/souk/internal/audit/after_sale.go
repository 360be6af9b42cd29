package audit

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"souk/functions/order"
)

// afterSale checks shipments and returns against the lines and statuses of their orders.
func (a *auditor) afterSale(ctx context.Context) error {
	if err := a.shippedUnits(ctx); err != nil {
		return err
	}
	if err := a.shipmentStatuses(ctx); err != nil {
		return err
	}
	return a.returnedUnits(ctx)
}

// shippedUnits finds lines of which more units were shipped than ordered and not withdrawn.
func (a *auditor) shippedUnits(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var line, ordered, shipped int64
		if err := rows.Scan(&id, &line, &ordered, &shipped); err != nil {
			return err
		}
		a.find(ShipmentUnits, about("order", id), "%d units of line %d are shipped, and %d were ordered and not withdrawn", shipped, line, ordered)
		return nil
	}, `
		SELECT s.order_id, s.line, COALESCE(MAX(i.quantity - i.withdrawn), 0), SUM(s.quantity)
		FROM shipment_item s
		LEFT JOIN order_item i ON i.order_id = s.order_id AND i.line = s.line
		GROUP BY s.order_id, s.line
		HAVING SUM(s.quantity) > COALESCE(MAX(i.quantity - i.withdrawn), 0)
		ORDER BY s.order_id, s.line`)
}

// shipmentStatuses finds orders whose status is not that of their shipments, of which withdrawn units are
// no part. Orders that were shipped before shipments were stored have none.
func (a *auditor) shipmentStatuses(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var status order.Status
		var ordered, shipped int64
		if err := rows.Scan(&id, &status, &ordered, &shipped); err != nil {
			return err
		}
		if !agrees(status, ordered, shipped) {
			a.find(ShipmentStatus, about("order", id), "is %s, and %d of its %d units are shipped", status, shipped, ordered)
		}
		return nil
	}, `
		SELECT o.id, o.status, COALESCE(i.units, 0), COALESCE(s.units, 0)
		FROM orders o
		LEFT JOIN (SELECT order_id, SUM(quantity) AS units FROM shipment_item GROUP BY order_id) s ON s.order_id = o.id
		LEFT JOIN (SELECT order_id, SUM(quantity - withdrawn) AS units FROM order_item GROUP BY order_id) i ON i.order_id = o.id
		WHERE s.units IS NOT NULL OR o.status = 'partially_shipped'
		ORDER BY o.id`)
}

// agrees reports whether a status is that of an order of which some units are in shipments.
func agrees(status order.Status, ordered, shipped int64) bool {
	switch status {
	case order.PartiallyShipped:
		return shipped > 0 && shipped < ordered
	case order.Shipped, order.Delivered:
		return shipped >= ordered // see ShipmentUnits
	}
	return false
}

// returnedUnits finds lines of which more units were returned, or are expected, than were shipped. All
// units of an order without shipments are shipped.
func (a *auditor) returnedUnits(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var line, returned, shipped int64
		if err := rows.Scan(&id, &line, &returned, &shipped); err != nil {
			return err
		}
		a.find(ReturnUnits, about("order", id), "%d units of line %d are returned, and %d were shipped", returned, line, shipped)
		return nil
	}, `
		SELECT u.order_id, u.line, u.units, u.shipped
		FROM (
			SELECT r.order_id, i.line, SUM(IF(r.status = 'requested', i.quantity, i.received)) AS units,
				IF(EXISTS (SELECT 1 FROM shipment s WHERE s.order_id = r.order_id),
					COALESCE((SELECT SUM(s.quantity) FROM shipment_item s WHERE s.order_id = r.order_id AND s.line = i.line), 0),
					COALESCE((SELECT o.quantity FROM order_item o WHERE o.order_id = r.order_id AND o.line = i.line), 0)) AS shipped
			FROM order_return r
			JOIN order_return_item i ON i.order_id = r.order_id AND i.return_id = r.id
			GROUP BY r.order_id, i.line
		) u
		WHERE u.units > u.shipped
		ORDER BY u.order_id, u.line`)
}
