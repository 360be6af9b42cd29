package product

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// threshold is the field lowStockAt of a request. null sets no threshold.
type threshold struct {
	isSent bool
	units  *int64 // nil for no threshold
}

// Schema returns the schema of a threshold: a nullable number of units.
func (threshold) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeInteger, Format: "int64", Nullable: true, Minimum: new(0.0), Maximum: new(float64(MaxStock)),
		Description: "The stock is low when at most this many units are available: the shop is notified once each time it becomes low by orders, adjustments or an import. null for no threshold.",
		Examples:    []any{5},
	}
}

// UnmarshalJSON decodes a threshold that is sent.
func (t *threshold) UnmarshalJSON(text []byte) error {
	*t = threshold{isSent: true}
	return json.Unmarshal(text, &t.units)
}

// apply returns the threshold of a product that had one before.
func (t threshold) apply(before *int64) *int64 {
	if !t.isSent {
		return before
	}
	return t.units
}

// StockLow is the payload of stock-low: the available units of a product have fallen to its
// threshold. The event is published again only after they were above it.
type StockLow struct {
	ProductID  uuid.UUID `json:"productId"`
	SKU        string    `json:"sku"`
	Name       string    `json:"name"`
	Available  int64     `json:"available"`
	LowStockAt int64     `json:"lowStockAt"`
}

// becomesLow reports whether the stock of a product with a threshold becomes low when its available
// units change. The product must be locked, so that each crossing of the threshold is seen once.
func becomesLow(lowStockAt *int64, before, after int64) bool {
	return lowStockAt != nil && before > *lowStockAt && after <= *lowStockAt
}

// newStockLow returns the payload about a product whose stock becomes low, or none, when its units
// have changed by delta. An archived product is not reordered.
func (p *Product) newStockLow(delta int64) []event.AddParams[StockLow] {
	if p.Status != Active || !becomesLow(p.LowStockAt, p.Available-delta, p.Available) {
		return nil
	}
	return []event.AddParams[StockLow]{{AggregateID: p.ID, Payload: StockLow{
		ProductID: p.ID, SKU: p.SKU, Name: p.Name, Available: p.Available, LowStockAt: *p.LowStockAt,
	}}}
}

// newStockLowEvents returns the events about products whose stock becomes low because of what is
// taken. Without such products, it runs no statement.
func (s *service) newStockLowEvents(ctx context.Context, tx *database.Tx, stock map[uuid.UUID]*stockItem) ([]event.Event, error) {
	low := map[uuid.UUID]bool{}
	for id, item := range stock {
		if becomesLow(item.lowStockAt, item.available, item.available-item.taken) {
			low[id] = true
		}
	}
	if len(low) == 0 {
		return nil, nil
	}
	// They are locked already. What is read has the changes of the transaction.
	products, err := lockProducts(ctx, tx, database.SortedIDs(maps.Keys(low)))
	if err != nil {
		return nil, fmt.Errorf("read %d products with low stock: %w", len(low), err)
	}
	var params []event.AddParams[StockLow]
	for i := range products {
		params = append(params, products[i].newStockLow(-stock[products[i].ID].taken)...)
	}
	return topicStockLow.New(ctx, s.Outbox, params...)
}
