package product

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/money"
)

// record is a product of an imported catalogue. A missing field leaves its value
// unchanged; null clears it if it is nullable.
type record struct {
	SKU         string            `json:"sku" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"a letter or digit and then letters, digits, dots, underscores and hyphens" maxLength:"64" example:"TEA-ASSAM-250"`
	Name        *string           `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Description *string           `json:"description,omitempty" format:"multiline" maxLength:"10000" nullable:"true"`
	Category    *string           `json:"category,omitempty" maxLength:"64" nullable:"true"`
	Price       *money.PriceInput `json:"price,omitempty"`
	Stock       *int64            `json:"stock,omitempty" minimum:"0" maximum:"1000000000"`
	StockDelta  *int64            `json:"stockDelta,omitempty" minimum:"-1000000000" maximum:"1000000000"`
	Status      *Status           `json:"status,omitempty" enum:"active,archived"`
	Images      Images            `json:"images,omitempty" nullable:"true"`
	Attributes  Attributes        `json:"attributes,omitempty" nullable:"true"`
}

const (
	// maxLineErrors is the maximum number of errors that are reported for a line.
	maxLineErrors = 20
	// maxLocation is the maximum length of a location. The name of an unknown field comes
	// from the file and may be long.
	maxLocation = 100
)

// recordRules returns the schema that the tags of record define.
var recordRules = sync.OnceValues(func() (huma.Registry, *huma.Schema) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return registry, huma.SchemaFromType(registry, reflect.TypeFor[record]())
})

// parseRecord returns the record of a line, or all errors of the line.
func parseRecord(line fileLine) (r record, errs []api.FieldError) {
	fields, isObject := line.fields.(map[string]any)
	if isObject {
		delete(fields, availableColumn)
	} else if len(line.errs) > 0 {
		return r, uniqueLocations(line.errs)
	}
	registry, rules := recordRules()
	value, errs := function.CheckValue(registry, rules, line.fields)
	if isObject {
		errs = append(errs, fieldErrors(fields)...)
	}
	if errs = slices.Concat(line.errs, errs); len(errs) > 0 {
		return r, uniqueLocations(append(errs, currencyErrors(fields)...))
	}
	canonical, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(canonical, &r)
	}
	if err != nil {
		return r, []api.FieldError{{Location: "line", Code: api.FieldType, Message: "a value has the wrong type"}}
	}
	if attributes, sent := fields["attributes"]; sent && attributes == nil {
		r.Attributes = Attributes{}
	}
	return r, nil
}

// fieldErrors returns the errors that the schema of a record cannot express.
func fieldErrors(fields map[string]any) (errs []api.FieldError) {
	if fields["stock"] != nil && fields["stockDelta"] != nil {
		errs = append(errs, api.FieldError{Location: "stockDelta", Code: api.FieldValue, Message: "must not be sent together with stock: send one of them"})
	}
	if attributes, ok := fields["attributes"].(map[string]any); ok {
		if err := Attributes(attributes).validate(); err != nil {
			errs = append(errs, api.FieldError{Location: "attributes", Code: api.FieldFormat, Message: err.Error()})
		}
	}
	return errs
}

// currencyErrors returns an error for a currency that is not in use. Such a currency
// alone does not fail a line, because an existing product may have one that was
// withdrawn later.
func currencyErrors(fields map[string]any) []api.FieldError {
	price, _ := fields["price"].(map[string]any)
	currency, ok := price["currency"].(string)
	if !ok {
		return nil
	}
	if err := money.CheckCurrency(currency); err != nil {
		return []api.FieldError{{Location: "price.currency", Code: api.FieldFormat, Message: err.Error()}}
	}
	return nil
}

// uniqueLocations returns the first error of each location, sorted by location, at most
// maxLineErrors of them.
func uniqueLocations(errs []api.FieldError) []api.FieldError {
	for i := range errs {
		if errs[i].Location == "" {
			errs[i].Location = "line"
		}
		errs[i].Location = strings.ToValidUTF8(errs[i].Location[:min(len(errs[i].Location), maxLocation)], "")
	}
	byLocation := func(a, b api.FieldError) int { return strings.Compare(a.Location, b.Location) }
	slices.SortStableFunc(errs, byLocation)
	errs = slices.CompactFunc(errs, func(a, b api.FieldError) bool { return a.Location == b.Location })
	return errs[:min(len(errs), maxLineErrors)]
}

// apply sets the product's fields to those of the record, except the stock, and reports
// whether the product changed.
func (r record) apply(p *Product) (changed bool) {
	before := *p
	set(&p.Name, r.Name)
	set(&p.Description, r.Description)
	set(&p.Category, r.Category)
	if r.Price != nil {
		p.Price = r.Price.In(p.Price.Currency)
	}
	set(&p.Status, r.Status)
	if r.Images != nil {
		p.Images = r.Images
	}
	if r.Attributes != nil {
		p.Attributes = r.Attributes
	}
	return !reflect.DeepEqual(*p, before)
}
