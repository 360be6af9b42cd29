package product

import (
	"bytes"
	"context"
	"database/sql"
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

// check refuses an event that no order can be: none of its pieces, or fewer than
// none, which would make stock.
func (o orderPlaced) check() error {
	if o.OrderID == uuid.Nil || len(o.Items) == 0 {
		return fmt.Errorf("order %s has %d items", o.OrderID, len(o.Items))
	}
	for _, item := range o.Items {
		if item.Quantity < 1 {
			return fmt.Errorf("order %s has %d pieces of product %s", o.OrderID, item.Quantity, item.ProductID)
		}
	}
	return nil
}

// StockReserved is the event that an order has all its pieces.
type StockReserved struct {
	OrderID uuid.UUID `json:"orderId"`
}

// StockRejected is the event that an order gets none, and why.
type StockRejected struct {
	OrderID   uuid.UUID `json:"orderId"`
	ProductID uuid.UUID `json:"productId"`
	Reason    Reason    `json:"reason"`
}

// Reason says why an order got no stock.
type Reason string

// The reasons of StockRejected.
const (
	InsufficientStock  Reason = "insufficient_stock"
	PriceChanged       Reason = "price_changed"
	ProductUnavailable Reason = "product_unavailable"
)

// stockReserve takes the pieces of an order, all or none, and tells which.
func (s *service) stockReserve(ctx context.Context, tx *database.Tx, _ event.Event, order orderPlaced) error {
	if err := order.check(); err != nil {
		return err
	}
	first, err := insertReservation(ctx, tx, order.OrderID, reserved, s.Now())
	if err != nil || !first {
		// Decided before, or cancelled before it came here: the tombstone stays.
		return err
	}
	// Every reservation takes its products in the same order, so that two that
	// share products wait for each other instead of locking each other out.
	items := slices.SortedFunc(slices.Values(order.Items), func(a, b placedItem) int {
		return bytes.Compare(a.ProductID[:], b.ProductID[:])
	})
	if err := savepoint(ctx, tx); err != nil {
		return err
	}
	for _, item := range items {
		taken, err := takeStock(ctx, tx, item)
		if err != nil {
			return err
		}
		if !taken {
			return s.rejectReservation(ctx, tx, order.OrderID, item)
		}
	}
	if err := insertReservedItems(ctx, tx, order.OrderID, items); err != nil {
		return err
	}
	return topicStockReserved.Add(ctx, tx, s.Outbox, order.OrderID, StockReserved{OrderID: order.OrderID})
}

// rejectReservation gives back what the order had taken and tells why it failed.
func (s *service) rejectReservation(ctx context.Context, tx *database.Tx, orderID uuid.UUID, item placedItem) error {
	reason, err := whyNotTaken(ctx, tx, item)
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

// whyNotTaken looks at a product whose stock could not be taken. Stock may have
// come in since; then the order was refused a moment too early, and still is.
func whyNotTaken(ctx context.Context, tx *database.Tx, item placedItem) (Reason, error) {
	p, err := selectProduct(ctx, tx, item.ProductID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ProductUnavailable, nil
	case err != nil:
		return "", fmt.Errorf("look at product %s: %w", item.ProductID, err)
	case p.Status != Active:
		return ProductUnavailable, nil
	case p.Price != item.UnitPrice:
		return PriceChanged, nil
	default:
		return InsufficientStock, nil
	}
}
