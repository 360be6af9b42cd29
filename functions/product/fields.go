package product

import (
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/money"
)

// Fields are the editable fields of a product and their rules, for every operation that
// writes products: a creation, an update and each line of an import. A field that is not
// sent is nil. Those that are not nullable cannot be cleared, and a new product needs them.
type Fields struct {
	Name        *string           `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Assam, 250 g"`
	Description *string           `json:"description,omitempty" nullable:"true" format:"multiline" maxLength:"10000" example:"A strong black tea."`
	Category    *string           `json:"category,omitempty" nullable:"true" maxLength:"64" example:"tea"`
	Price       *money.PriceInput `json:"price,omitempty"`
	TaxClass    *string           `json:"taxClass,omitempty" nullable:"true" maxLength:"32" doc:"The tax class, to which the shop's tax rates refer. It is empty for the standard class." example:"reduced"`
	Weight      *int64            `json:"weight,omitempty" minimum:"0" maximum:"1000000000" doc:"The weight of one unit in grams, for the price of shipping." example:"270"`
	Images      Images            `json:"images,omitempty" nullable:"true"`
	LowStockAt  threshold         `json:"lowStockAt,omitempty"` //nolint:modernize // huma derives optional from it
	Attributes  attributeChanges  `json:"attributes,omitempty"` //nolint:modernize // huma derives optional from it
}

// apply sets the fields of the product that are sent.
func (f *Fields) apply(p *Product) {
	set(&p.Name, f.Name)
	set(&p.Description, f.Description)
	set(&p.Category, f.Category)
	if f.Price != nil {
		p.Price = f.Price.In(p.Price.Currency)
	}
	set(&p.TaxClass, f.TaxClass)
	set(&p.Weight, f.Weight)
	if f.Images != nil {
		p.Images = f.Images
	}
	p.LowStockAt = f.LowStockAt.apply(p.LowStockAt)
	p.Attributes = f.Attributes.apply(p.Attributes)
}

// missing returns the names of the fields that a new product needs and that are not sent.
func (f *Fields) missing() (names []string) {
	if f.Name == nil {
		names = append(names, "name")
	}
	if f.Price == nil {
		names = append(names, "price")
	}
	return names
}

// set sets a field to a value, unless the value is nil.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// NewProduct contains the fields of a product that does not exist yet.
type NewProduct struct {
	SKU string `json:"sku" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, dots, underscores and hyphens, the first a letter or digit" maxLength:"64" doc:"The shop's article number of the product. It must be unique and cannot change." example:"TEA-ASSAM-250"`
	Fields
	Stock *int64 `json:"stock,omitempty" minimum:"0" maximum:"1000000000" doc:"The initial stock, in units." example:"50"`
}

// TransformSchema implements huma.SchemaTransformer: a new product needs some fields, and
// has nothing to clear. Without a threshold it gets the shop's, and null sets none.
func (NewProduct) TransformSchema(registry huma.Registry, schema *huma.Schema) *huma.Schema {
	schema.Required = append(schema.Required, (&Fields{}).missing()...)
	schema.Properties["attributes"] = Attributes{}.Schema(registry)
	for name, property := range schema.Properties {
		property.Nullable = name == "lowStockAt"
	}
	return schema
}

// product returns the new product. Without a currency and a threshold of its own it has the shop's.
func (n *NewProduct) product(shop settings, now time.Time) (Product, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Product{}, fmt.Errorf("create a product id: %w", err)
	}
	p := Product{
		ID: id, SKU: n.SKU, Price: money.Money{Currency: shop.Currency}, Status: Active, Images: Images{}, Attributes: Attributes{},
		LowStockAt: shop.lowStockAt(), Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	n.apply(&p)
	set(&p.Available, n.Stock)
	return p, nil
}
