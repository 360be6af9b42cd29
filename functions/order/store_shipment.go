package order

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertShipment inserts a shipment of a locked order.
func insertShipment(ctx context.Context, tx *database.Tx, o *Order, shipment *Shipment) error {
	err := database.InsertRows(ctx, tx, "shipment (order_id, id, carrier, tracking_number, tracking_url, created_at)", "", [][]any{{
		o.ID[:], shipment.ID[:], nullableText(shipment.Carrier), nullableText(shipment.TrackingNumber), nullableText(shipment.TrackingURL), shipment.CreatedAt,
	}})
	if err != nil {
		return err
	}
	rows := make([][]any, len(shipment.Lines))
	for i, units := range shipment.Lines {
		rows[i] = []any{o.ID[:], shipment.ID[:], o.line(units.ProductID), units.Quantity}
	}
	return database.InsertRows(ctx, tx, "shipment_item (order_id, shipment_id, line, quantity)", "", rows)
}

// line returns the line of a product in the order, -1 without one.
func (o *Order) line(product uuid.UUID) int {
	return slices.IndexFunc(o.Items, func(item Item) bool { return item.ProductID == product })
}

// loadShipments reads the shipments and returns of orders into them and their items, which must be
// loaded, with two statements, and none if no units were shipped.
func loadShipments(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order) error {
	shipped := map[uuid.UUID]*Order{}
	for id, o := range orders {
		if o.Status.isShipped() {
			shipped[id] = o
		}
	}
	if len(shipped) == 0 {
		return nil
	}
	ids := orderIDs(shipped)
	err := database.Each(ctx, q, func(row database.Scanner) error {
		return scanShipmentItem(row, shipped)
	}, `
		SELECT s.order_id, s.id, COALESCE(s.carrier, ''), COALESCE(s.tracking_number, ''), COALESCE(s.tracking_url, ''), s.created_at, i.line, i.quantity
		FROM shipment s FORCE INDEX (PRIMARY)
		JOIN shipment_item i FORCE INDEX (PRIMARY) ON i.order_id = s.order_id AND i.shipment_id = s.id
		WHERE s.order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY s.order_id, s.id, i.line`, ids...)
	if err != nil {
		return fmt.Errorf("read the shipments of %d orders: %w", len(shipped), err)
	}
	for _, o := range shipped {
		o.shipWithoutShipments()
	}
	return loadReturns(ctx, q, shipped)
}

// scanShipmentItem adds an item of a shipment, the rows of which are read one after the other.
func scanShipmentItem(row database.Scanner, orders map[uuid.UUID]*Order) error {
	var orderID uuid.UUID
	var shipment Shipment
	var line int
	var quantity int64
	err := row.Scan(&orderID, &shipment.ID, &shipment.Carrier, &shipment.TrackingNumber, &shipment.TrackingURL, &shipment.CreatedAt, &line, &quantity)
	if err != nil {
		return err
	}
	o := orders[orderID]
	if line < 0 || line >= len(o.Items) {
		return fmt.Errorf("shipment %s of order %s has line %d of %d", shipment.ID, orderID, line, len(o.Items))
	}
	if n := len(o.Shipments); n == 0 || o.Shipments[n-1].ID != shipment.ID {
		o.Shipments = append(o.Shipments, shipment)
	}
	last := &o.Shipments[len(o.Shipments)-1]
	last.Lines = append(last.Lines, Units{o.Items[line].ProductID, quantity})
	o.Items[line].Shipped += quantity
	return nil
}

// shipWithoutShipments marks all units of an order as shipped that was shipped before shipments
// were stored, or by a revision of that time.
func (o *Order) shipWithoutShipments() {
	if len(o.Shipments) > 0 || o.Status == PartiallyShipped {
		return
	}
	for i := range o.Items {
		o.Items[i].Shipped = o.Items[i].Quantity - o.Items[i].Withdrawn
	}
}
