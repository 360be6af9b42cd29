package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// catalogEntry is this service's copy of a product: the fields of the event
// product-changed that catalog-sync uses.
type catalogEntry struct {
	ProductID uuid.UUID   `json:"productId"`
	Name      string      `json:"name"`
	Price     money.Money `json:"price"`
	Status    string      `json:"status"`
	Version   int64       `json:"version"`
}

// activeProduct is the status of a product that is for sale.
const activeProduct = "active"

// catalogSync stores a copy of a product. It ignores a version that arrives after a newer
// one.
func (s *service) catalogSync(ctx context.Context, tx *database.Tx, _ event.Event, product catalogEntry) error {
	if err := product.validate(); err != nil {
		return err
	}
	return upsertCatalog(ctx, tx, product)
}

// validate returns an error for an event without a product id or version, or with a price
// that is not valid in an order. It accepts a currency that was withdrawn after the product
// was created, so that changes of the product's other fields are still copied.
func (e catalogEntry) validate() error {
	if e.ProductID == uuid.Nil || e.Version < 1 {
		return fmt.Errorf("invalid event: version %d of product %s", e.Version, e.ProductID)
	}
	if err := e.Price.ValidateStored(); err != nil {
		return fmt.Errorf("product %s: %w", e.ProductID, err)
	}
	return nil
}
