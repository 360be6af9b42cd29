package product

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/functions/product/internal/search"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// Product is a product of the shop.
type Product struct {
	ID          uuid.UUID   `json:"id" format:"uuid"`
	SKU         string      `json:"sku" example:"TEA-ASSAM-250"`
	Name        string      `json:"name" example:"Assam, 250 g"`
	Description string      `json:"description" example:"A strong black tea."`
	Category    string      `json:"category" example:"tea"`
	Price       money.Money `json:"price"`
	Available   int64       `json:"available" doc:"The number of units that can be ordered now." example:"50"`
	Status      Status      `json:"status" enum:"active,archived"`
	Images      Images      `json:"images" nullable:"false"`
	Attributes  Attributes  `json:"attributes" nullable:"false"`
	Version     int64       `json:"version" doc:"The number of the product's current version. Sales change the stock, not the version." example:"3"`
	CreatedAt   time.Time   `json:"createdAt"`
	UpdatedAt   time.Time   `json:"updatedAt"`
}

// Status is the state of a product: for sale or archived.
type Status string

// The states of a product.
const (
	Active   Status = search.OnSale
	Archived Status = "archived"
)

// searchTable describes how a search reads products.
var searchTable = search.Table[Product]{
	Columns: productColumns,
	Scan:    (*Product).scanInto,
	Key:     func(p *Product) search.Key { return search.Key{ID: p.ID, Price: p.Price.Amount, Name: p.Name} },
}

// document returns the texts by which a search finds the product. It does not find an
// archived product.
func (p *Product) document() search.Document {
	if p.Status != Active {
		return search.Document{ID: p.ID}
	}
	return search.Document{ID: p.ID, Name: p.Name, Others: []string{p.Category, p.SKU, p.Description}}
}

// writeWords updates the words of products that the transaction has written.
func writeWords(ctx context.Context, tx *database.Tx, products ...Product) error {
	documents := make([]search.Document, len(products))
	for i := range products {
		documents[i] = products[i].document()
	}
	return search.Write(ctx, tx, documents...)
}

// MaxStock bounds the stock of one product, so that no sum of stocks overflows.
const MaxStock = 1_000_000_000

// ETag is the entity tag of the product with its stock.
func (p Product) ETag() string { return api.ETag(p.Version, p.Available) }

// productResponse is the response that shows one product.
type productResponse = api.Resource[Product]

func newResponse(p Product) *productResponse { return &productResponse{ETag: p.ETag(), Body: p} }

// Changed is the payload of product-changed: the fields that other services copy.
type Changed struct {
	ProductID uuid.UUID   `json:"productId"`
	SKU       string      `json:"sku"`
	Name      string      `json:"name"`
	Price     money.Money `json:"price"`
	Status    Status      `json:"status"`
	Version   int64       `json:"version"`
}

// publishChanged adds a product-changed event for each product to the outbox.
func (s *service) publishChanged(ctx context.Context, tx *database.Tx, products ...Product) error {
	messages := make([]event.AddParams[Changed], len(products))
	for i, p := range products {
		messages[i] = event.AddParams[Changed]{AggregateID: p.ID, Payload: Changed{
			ProductID: p.ID, SKU: p.SKU, Name: p.Name, Price: p.Price, Status: p.Status, Version: p.Version,
		}}
	}
	return topicProductChanged.AddBatch(ctx, tx, s.Outbox, messages...)
}

func skuTaken(sku string) error {
	return api.NewProblem(http.StatusConflict, "sku_taken", "The SKU %s belongs to another product. Send another SKU, or update that product.", sku)
}

func insufficientStock(available int64) error {
	return api.NewProblem(http.StatusConflict, "insufficient_stock", "Only %d units are in stock. Remove at most that many.", available)
}
