package product

import (
	"encoding/json"
	"errors"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/money"
)

// record is a product in a catalogue that is imported or exported. What is left
// out stays as it is.
type record struct {
	SKU         string       `json:"sku" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" maxLength:"64" example:"TEA-ASSAM-250"`
	Name        *string      `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Description *string      `json:"description,omitempty" format:"multiline" maxLength:"10000"`
	Category    *string      `json:"category,omitempty" maxLength:"64"`
	Price       *money.Money `json:"price,omitempty"`
	Stock       *int64       `json:"stock,omitempty" minimum:"0" maximum:"1000000000"`
	Status      *Status      `json:"status,omitempty" enum:"active,archived"`
	Images      Images       `json:"images,omitempty"`
	Attributes  Attributes   `json:"attributes,omitempty"`
}

// The most faults that are told of a line, and how long each place of one may be:
// a name that is no field comes from the file.
const (
	maxFaults   = 5
	maxLocation = 100
)

// recordRules are the rules that the tags of record state.
var recordRules = sync.OnceValues(func() (huma.Registry, *huma.Schema) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return registry, huma.SchemaFromType(registry, reflect.TypeFor[record]())
})

// parseRecord reads a record, or returns what is wrong with it.
func parseRecord(text []byte) (r record, faults []api.FieldError) {
	var fields any
	if err := json.Unmarshal(text, &fields); err != nil {
		return r, []api.FieldError{{Location: "line", Code: api.FieldSyntax, Message: "not readable as JSON"}}
	}
	registry, rules := recordRules()
	var result huma.ValidateResult
	huma.Validate(registry, rules, huma.NewPathBuffer(make([]byte, 0, 128), 0), huma.ModeWriteToServer, fields, &result)
	for _, err := range result.Errors[:min(len(result.Errors), maxFaults)] {
		fault := api.FieldError{Location: "line", Code: api.FieldFormat, Message: "breaks a rule"}
		if detail := (*huma.ErrorDetail)(nil); errors.As(err, &detail) {
			fault.Message = detail.Message
			if detail.Location != "" {
				fault.Location = detail.Location[:min(len(detail.Location), maxLocation)]
			}
		}
		faults = append(faults, fault)
	}
	if faults != nil {
		return r, faults
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, []api.FieldError{{Location: "line", Code: api.FieldType, Message: "a value does not fit its type"}}
	}
	if r.Price != nil {
		if err := r.Price.Check(); err != nil {
			faults = append(faults, api.FieldError{Location: "price", Code: api.FieldFormat, Message: err.Error()})
		}
	}
	if err := r.Attributes.check(); err != nil {
		faults = append(faults, api.FieldError{Location: "attributes", Code: api.FieldFormat, Message: err.Error()})
	}
	return r, faults
}

// apply sets the fields that the record has, but the stock, and says whether that
// changed anything.
func (r record) apply(p *Product) (changed bool) {
	before := *p
	set(&p.Name, r.Name)
	set(&p.Description, r.Description)
	set(&p.Category, r.Category)
	set(&p.Price, r.Price)
	set(&p.Status, r.Status)
	if r.Images != nil {
		p.Images = r.Images
	}
	if r.Attributes != nil {
		p.Attributes = r.Attributes
	}
	return !reflect.DeepEqual(*p, before)
}

// recordOf returns the record that makes, or leaves, the product as it is.
func recordOf(p *Product) record {
	return record{
		SKU: p.SKU, Name: &p.Name, Description: &p.Description, Category: &p.Category, Price: &p.Price,
		Stock: &p.Available, Status: &p.Status, Images: p.Images, Attributes: p.Attributes,
	}
}
