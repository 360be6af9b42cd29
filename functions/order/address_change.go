package order

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/address"
	"souk/shared/api"
)

// addressChange is a JSON Merge Patch (RFC 7396) of an address of a checkout: null removes it.
type addressChange struct {
	remove bool
	fields *address.Patch // nil if nothing is sent
}

// Schema returns the schema of the change: that of address.Patch, nullable.
func (addressChange) Schema(registry huma.Registry) *huma.Schema {
	const asReference = false
	schema := *registry.Schema(reflect.TypeFor[address.Patch](), asReference, "")
	schema.Nullable = true
	schema.Description = "Fields to set. Fields that are not sent remain. null removes the address."
	return &schema
}

// UnmarshalJSON decodes the change.
func (c *addressChange) UnmarshalJSON(text []byte) error {
	*c = addressChange{}
	if string(text) == "null" {
		c.remove = true
		return nil
	}
	return json.Unmarshal(text, &c.fields)
}

// Resolve implements huma.ResolverWithPath: it normalizes the fields.
func (c *addressChange) Resolve(ctx huma.Context, path *huma.PathBuffer) []error {
	if c.fields == nil {
		return nil
	}
	return c.fields.Resolve(ctx, path)
}

// apply returns an address after the change, and adds the errors of the result.
func (c *addressChange) apply(before *address.PostalAddress, location string, errs []api.FieldError) (*address.PostalAddress, []api.FieldError) {
	switch {
	case c.remove:
		return nil, errs
	case c.fields == nil:
		return before, errs
	}
	merged := address.PostalAddress{}
	if before != nil {
		merged = *before
	}
	c.fields.Apply(&merged)
	for _, e := range merged.Check() {
		e.Location = location + e.Location
		errs = append(errs, e)
	}
	return &merged, errs
}
