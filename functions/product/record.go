package product

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/product/internal/feed"
	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/money"
)

// record is a product of an imported catalogue. A missing field leaves its value
// unchanged; null clears it if it is nullable.
type record struct {
	NewProduct
	StockDelta *int64  `json:"stockDelta,omitempty" minimum:"-1000000000" maximum:"1000000000"`
	Status     *Status `json:"status,omitempty" enum:"active,archived"`
}

// TransformSchema implements huma.SchemaTransformer: attributes are replaced, not merged.
// What a new product needs is checked once it is known that the product is new.
func (record) TransformSchema(registry huma.Registry, schema *huma.Schema) *huma.Schema {
	attributes := Attributes{}.Schema(registry)
	attributes.Nullable = true
	schema.Properties["attributes"] = attributes
	return schema
}

// stockColumns are the stock in an export. An import ignores them, because units may
// have been sold since.
var stockColumns = []string{"available", "reserved", "onHand"}

// catalogFormat is the format of an imported and of an exported catalogue.
var catalogFormat = sync.OnceValue(func() *feed.Format[StaffProduct] { return feed.NewFormat[record, StaffProduct](stockColumns...) })

// maxLocation is the maximum length of a location. The name of an unknown field comes
// from the file and may be long.
const maxLocation = 100

// recordRules returns the schema that the tags of record define.
var recordRules = sync.OnceValues(func() (huma.Registry, *huma.Schema) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return registry, huma.SchemaFromType(registry, reflect.TypeFor[record]())
})

// parseRecord returns the record of a line, or all errors of the line.
func parseRecord(line feed.Line) (r record, errs []api.FieldError) {
	fields, isObject := line.Fields.(map[string]any)
	if isObject {
		maps.DeleteFunc(fields, func(name string, _ any) bool { return slices.Contains(stockColumns, name) })
	} else if len(line.Errs) > 0 {
		return r, uniqueLocations(line.Errs)
	}
	registry, rules := recordRules()
	value, errs := function.CheckValue(registry, rules, line.Fields)
	if isObject {
		errs = append(errs, fieldErrors(fields)...)
	}
	if errs = slices.Concat(line.Errs, errs); len(errs) > 0 {
		return r, uniqueLocations(append(errs, currencyErrors(fields)...))
	}
	canonical, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(canonical, &r)
	}
	if err != nil {
		return r, []api.FieldError{{Location: "line", Code: api.FieldType, Message: "a value has the wrong type"}}
	}
	r.Attributes.clear = true
	return r, nil
}

// fieldErrors returns the errors that the schema of a record cannot express.
func fieldErrors(fields map[string]any) (errs []api.FieldError) {
	if fields["stock"] != nil && fields["stockDelta"] != nil {
		errs = append(errs, api.FieldError{Location: "stockDelta", Code: api.FieldValue, Message: "must not be sent together with stock: send one of them"})
	}
	if attributes, ok := fields["attributes"].(map[string]any); ok {
		if !Attributes(attributes).areNamed() {
			errs = append(errs, api.FieldError{Location: "attributes", Code: api.FieldFormat, Message: attributeNameMessage})
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
// feed.MaxLineErrors of them.
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
	return errs[:min(len(errs), feed.MaxLineErrors)]
}

// apply sets the product's fields to those of the record, except the stock, and reports
// whether the product changed.
func (r *record) apply(p *Product) (changed bool) {
	before := *p
	r.Fields.apply(p)
	set(&p.Status, r.Status)
	return !reflect.DeepEqual(*p, before)
}
