package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// catalogEntry is what this service keeps of a product: what catalog-sync reads
// of the event product-changed.
type catalogEntry struct {
	ProductID uuid.UUID   `json:"productId"`
	Name      string      `json:"name"`
	Price     money.Money `json:"price"`
	Status    string      `json:"status"`
	Version   int64       `json:"version"`
}

// activeProduct is the status of a product that is sold.
const activeProduct = "active"

// catalogSync keeps the copy of a product. An older version that comes after a
// newer one changes nothing.
func (s *service) catalogSync(ctx context.Context, tx *database.Tx, _ event.Event, product catalogEntry) error {
	if err := product.check(); err != nil {
		return err
	}
	return upsertCatalog(ctx, tx, product)
}

// check refuses an event that is about no product, or has a price that no order
// could be placed at. A currency may have been withdrawn since the product was created:
// the other fields of that product still change.
func (e catalogEntry) check() error {
	if e.ProductID == uuid.Nil || e.Version < 1 {
		return fmt.Errorf("version %d of product %s", e.Version, e.ProductID)
	}
	if err := e.Price.CheckStored(); err != nil {
		return fmt.Errorf("product %s: %w", e.ProductID, err)
	}
	return nil
}
