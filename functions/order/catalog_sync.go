package order

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/money"
)

// catalogEntry is this service's copy of a product: the fields of the event
// product-changed that catalog-sync uses.
type catalogEntry struct {
	ProductID uuid.UUID   `json:"productId"`
	SKU       string      `json:"sku"`
	Name      string      `json:"name"`
	Category  string      `json:"category"`
	Price     money.Money `json:"price"`
	TaxClass  string      `json:"taxClass"`
	Weight    int64       `json:"weight"` // of one unit, grams
	Status    string      `json:"status"`
	Version   int64       `json:"version"`
}

// activeProduct is the status of a product that is for sale.
const activeProduct = "active"

// catalogSync stores copies of products. It ignores a version that arrives after a newer one.
func (s *service) catalogSync(ctx context.Context, tx *database.Tx, messages []function.Message[catalogEntry]) error {
	products := make([]catalogEntry, len(messages))
	for i := range messages {
		products[i] = messages[i].Payload
		if err := products[i].validate(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(products, func(a, b catalogEntry) int { return database.CompareIDs(a.ProductID, b.ProductID) })
	return upsertCatalog(ctx, tx, products)
}

// validate returns an error for an event without a product id or version, or with a price
// that is not valid in an order. It accepts a currency that was withdrawn after the product
// was created, so that changes of the product's other fields are still copied.
func (e catalogEntry) validate() error {
	if e.ProductID == uuid.Nil || e.Version < 1 || e.Weight < 0 {
		return fmt.Errorf("invalid event: version %d of product %s with the weight %d", e.Version, e.ProductID, e.Weight)
	}
	if err := e.Price.ValidateStored(); err != nil {
		return fmt.Errorf("product %s: %w", e.ProductID, err)
	}
	return nil
}
