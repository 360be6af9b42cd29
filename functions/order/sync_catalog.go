package order

import (
	"context"

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

// syncCatalog keeps the copy of a product. An older version that comes after a
// newer one changes nothing.
func (s *service) syncCatalog(ctx context.Context, tx *database.Tx, _ event.Event, product catalogEntry) error {
	return upsertCatalog(ctx, tx, product)
}
