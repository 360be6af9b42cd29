package product

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// orderPlaced is what stock-reserve reads of the event order-placed.
type orderPlaced struct {
	OrderID uuid.UUID    `json:"orderId"`
	Items   []placedItem `json:"items"`
}

type placedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// validate returns an error for an event without items, or with a quantity below 1,
// which would increase the stock.
func (o orderPlaced) validate() error {
	if o.OrderID == uuid.Nil || len(o.Items) == 0 {
		return fmt.Errorf("order %s has %d items", o.OrderID, len(o.Items))
	}
	for _, item := range o.Items {
		if item.Quantity < 1 {
			return fmt.Errorf("order %s has %d units of product %s", o.OrderID, item.Quantity, item.ProductID)
		}
	}
	return nil
}

// StockReserved is the payload of stock-reserved: all items of the order are reserved.
type StockReserved struct {
	OrderID uuid.UUID `json:"orderId"`
}

// StockRejected is the payload of stock-rejected: no item of the order is reserved,
// because of one product.
type StockRejected struct {
	OrderID   uuid.UUID `json:"orderId"`
	ProductID uuid.UUID `json:"productId"`
	Reason    Reason    `json:"reason"`
}

// Reason is the reason why an order's stock could not be reserved.
type Reason string

// The reasons of StockRejected.
const (
	InsufficientStock  Reason = "insufficient_stock"
	PriceChanged       Reason = "price_changed"
	ProductUnavailable Reason = "product_unavailable"
)

// stockReserve reserves all items of an order or none, and publishes the result.
func (s *service) stockReserve(ctx context.Context, tx *database.Tx, _ event.Event, order orderPlaced) error {
	if err := order.validate(); err != nil {
		return err
	}
	first, err := insertReservation(ctx, tx, order.OrderID, reserved, s.Now())
	if err != nil || !first {
		// The order was decided before, or cancelled before this event arrived.
		return err
	}
	// Every reservation locks its products in the same order, so that two reservations
	// that share products do not deadlock.
	items := slices.SortedFunc(slices.Values(order.Items), func(a, b placedItem) int {
		return bytes.Compare(a.ProductID[:], b.ProductID[:])
	})
	if err := savepoint(ctx, tx); err != nil {
		return err
	}
	for _, item := range items {
		ok, err := reserveStock(ctx, tx, item)
		if err != nil {
			return err
		}
		if !ok {
			return s.rejectReservation(ctx, tx, order.OrderID, item)
		}
	}
	if err := insertReservedItems(ctx, tx, order.OrderID, items); err != nil {
		return err
	}
	return topicStockReserved.Add(ctx, tx, s.Outbox, order.OrderID, StockReserved{OrderID: order.OrderID})
}

// rejectReservation rolls back what was reserved for the order, and publishes the reason.
func (s *service) rejectReservation(ctx context.Context, tx *database.Tx, orderID uuid.UUID, item placedItem) error {
	reason, err := rejectionReason(ctx, tx, item)
	if err != nil {
		return err
	}
	if err := rollbackToSavepoint(ctx, tx); err != nil {
		return err
	}
	if err := updateReservation(ctx, tx, orderID, rejected, s.Now()); err != nil {
		return err
	}
	return topicStockRejected.Add(ctx, tx, s.Outbox, orderID,
		StockRejected{OrderID: orderID, ProductID: item.ProductID, Reason: reason})
}

// rejectionReason returns the reason why a product could not be reserved. If stock
// arrived in the meantime, the order is rejected nevertheless.
func rejectionReason(ctx context.Context, tx *database.Tx, item placedItem) (Reason, error) {
	p, err := selectProduct(ctx, tx, item.ProductID)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return ProductUnavailable, nil
	case err != nil:
		return "", fmt.Errorf("read product %s: %w", item.ProductID, err)
	case p.Status != Active:
		return ProductUnavailable, nil
	case p.Price != item.UnitPrice:
		return PriceChanged, nil
	default:
		return InsufficientStock, nil
	}
}
