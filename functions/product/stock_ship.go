package product

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// shipmentCreated is what stock-ship reads of the event shipment-created.
type shipmentCreated struct {
	OrderID  uuid.UUID `json:"orderId"`
	Shipment *shipment `json:"shipment"`
}

type shipment struct {
	Lines []shippedLine `json:"lines"`
}

type shippedLine struct {
	ProductID uuid.UUID `json:"productId"`
	Quantity  int64     `json:"quantity"`
}

// validate returns an error for an event without units, or with a quantity below 1, which would
// increase what is reserved.
func (s shipmentCreated) validate() error {
	if s.OrderID == uuid.Nil {
		return errors.New("the event has no orderId")
	}
	if s.Shipment == nil || len(s.Shipment.Lines) == 0 {
		return fmt.Errorf("the event about order %s has no units", s.OrderID)
	}
	for _, line := range s.Shipment.Lines {
		if line.Quantity < 1 || line.ProductID == uuid.Nil {
			return fmt.Errorf("the event about order %s has %d units of product %s", s.OrderID, line.Quantity, line.ProductID)
		}
	}
	return nil
}

// stockShip records that reserved units have left the warehouse. What is available does not change.
// Shipments and refunds reduce the unshipped units of an item to no less than 0, so that their order of
// arrival does not matter. Units that are not counted as unshipped are ignored: those of orders from
// before they were counted, and of reservations that do not exist.
func (s *service) stockShip(ctx context.Context, tx *database.Tx, messages []function.Message[shipmentCreated]) error {
	wanted := map[reservedProduct]int64{}
	orders := map[uuid.UUID]bool{}
	for i := range messages {
		event := messages[i].Payload
		if err := event.validate(); err != nil {
			return err
		}
		orders[event.OrderID] = true
		for _, line := range event.Shipment.Lines {
			wanted[reservedProduct{event.OrderID, line.ProductID}] += line.Quantity
		}
	}
	states, err := lockReservations(ctx, tx, database.SortedIDs(maps.Keys(orders)))
	if err != nil {
		return err
	}
	maps.DeleteFunc(states, func(_ uuid.UUID, state string) bool { return state != reserved })
	if len(states) == 0 {
		return nil
	}
	unshipped, err := selectUnshipped(ctx, tx, database.SortedIDs(maps.Keys(states)))
	if err != nil {
		return err
	}
	shipped, changes := map[reservedProduct]int64{}, stockChanges{}
	for item, units := range unshipped {
		if units = min(units, wanted[item]); units > 0 {
			shipped[item] = units
			changes.add(item.productID, stockChange{reserved: -units})
		}
	}
	if len(shipped) == 0 {
		return nil
	}
	if err := shipItems(ctx, tx, shipped); err != nil {
		return err
	}
	return changeStock(ctx, tx, changes)
}
