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
	"souk/shared/trail"
)

// Product is a product of the shop.
type Product struct {
	ID          uuid.UUID   `json:"id" format:"uuid"`
	SKU         string      `json:"sku" example:"TEA-ASSAM-250" trail:"value"`
	Name        string      `json:"name" example:"Assam, 250 g" trail:"value"`
	Description string      `json:"description" example:"A strong black tea." trail:"value"`
	Category    string      `json:"category" example:"tea" trail:"value"`
	Price       money.Money `json:"price" trail:"value"`
	TaxClass    string      `json:"taxClass" doc:"The tax class, to which the shop's tax rates refer. It is empty for the standard class." example:"reduced" trail:"value"`
	Weight      int64       `json:"weight" doc:"The weight of one unit in grams, for the price of shipping." example:"270" trail:"value"`
	Available   int64       `json:"available" doc:"The number of units that can be ordered now." example:"50" trail:"value"`
	Status      Status      `json:"status" enum:"active,archived" trail:"value"`
	Images      Images      `json:"images" nullable:"false" trail:"value"`
	Attributes  Attributes  `json:"attributes" nullable:"false" trail:"value"`
	Version     int64       `json:"version" doc:"The number of the product's current version. Sales change the stock, not the version." example:"3"`
	CreatedAt   time.Time   `json:"createdAt"`
	UpdatedAt   time.Time   `json:"updatedAt"`

	// LowStockAt is StaffProduct.LowStockAt, and Reserved is StaffProduct.Reserved.
	LowStockAt *int64 `json:"-"`
	Reserved   int64  `json:"-"`
}

// StaffProduct is a product with what only staff may see.
type StaffProduct struct {
	Product
	LowStockAt *int64 `json:"lowStockAt" doc:"The stock is low when at most this many units are available. It is null for no threshold." example:"5" trail:"value"`
	LowStock   bool   `json:"lowStock" doc:"Whether the stock is low: at most lowStockAt units are available."`
	Reserved   int64  `json:"reserved" doc:"The number of units that orders have reserved and that are not shipped yet. Orders from before the shop counted them are not included." example:"3"`
	OnHand     int64  `json:"onHand" doc:"The number of units in the warehouse: available and reserved ones. It is what a count of the shelf should find." example:"53"`
}

func newStaffProduct(p Product) StaffProduct {
	return StaffProduct{
		Product: p, LowStockAt: p.LowStockAt, LowStock: p.LowStockAt != nil && p.Available <= *p.LowStockAt,
		Reserved: p.Reserved, OnHand: p.Available + p.Reserved,
	}
}

func newStaffProducts(products []Product) []StaffProduct {
	views := make([]StaffProduct, len(products))
	for i := range products {
		views[i] = newStaffProduct(products[i])
	}
	return views
}

// Status is the state of a product: for sale or archived.
type Status string

// The states of a product.
const (
	Active   Status = search.OnSale
	Archived Status = search.Archived
)

// resourceProduct is the kind of the resource product in the trail.
const resourceProduct = "product"

// change returns the change of a product for the trail. before is the zero Product if it was created.
func (p *Product) change(before Product, at time.Time) trail.Change {
	c := trail.Change{Resource: resourceProduct, ID: p.ID, After: newStaffProduct(*p), At: at}
	if before.ID != uuid.Nil {
		c.Before = newStaffProduct(before)
	}
	return c
}

// searchTable describes how a search reads products.
var searchTable = search.Table[Product]{
	Columns: productColumns,
	Scan:    (*Product).scanInto,
	Key:     func(p *Product) search.Key { return search.Key{ID: p.ID, Price: p.Price.Amount, Name: p.Name} },
}

// document returns the texts by which a search finds the product.
func (p *Product) document() search.Document {
	return search.Document{ID: p.ID, Name: p.Name, Labels: []string{p.Category, p.SKU}, Others: []string{p.Description}}
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

// staffResponse is the response that shows one product to staff.
type staffResponse = api.Resource[StaffProduct]

func newStaffResponse(p Product) *staffResponse {
	return &staffResponse{ETag: p.ETag(), Body: newStaffProduct(p)}
}

// Changed is the payload of product-changed: the fields that other services copy.
type Changed struct {
	ProductID uuid.UUID   `json:"productId"`
	SKU       string      `json:"sku"`
	Name      string      `json:"name"`
	Category  string      `json:"category,omitempty"`
	Price     money.Money `json:"price"`
	TaxClass  string      `json:"taxClass,omitempty"`
	Weight    int64       `json:"weight,omitempty"` // of one unit, grams
	Status    Status      `json:"status"`
	Version   int64       `json:"version"`
}

// publishChanged adds a product-changed event for each product to the outbox.
func (s *service) publishChanged(ctx context.Context, tx *database.Tx, products ...Product) error {
	messages := make([]event.AddParams[Changed], len(products))
	for i, p := range products {
		messages[i] = event.AddParams[Changed]{AggregateID: p.ID, Payload: Changed{
			ProductID: p.ID, SKU: p.SKU, Name: p.Name, Category: p.Category, Price: p.Price, TaxClass: p.TaxClass, Weight: p.Weight,
			Status: p.Status, Version: p.Version,
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
