package product

import (
	"encoding/json"
	"maps"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// attributeChanges is a JSON Merge Patch (RFC 7396) of a product's attributes.
// Attributes that are sent are set, those that are null are removed, all others remain.
// null in place of the object removes all attributes.
type attributeChanges struct {
	// clear removes all attributes before others are set.
	clear   bool
	set     Attributes // nil if nothing is sent
	removed []string
}

// Schema returns the schema of the changes: the schema of Attributes, nullable.
func (attributeChanges) Schema(registry huma.Registry) *huma.Schema {
	schema := Attributes{}.Schema(registry)
	schema.Nullable = true
	schema.Description = "Attributes to set, by name. null removes an attribute. Attributes that are not sent remain."
	value := schema.AdditionalProperties.(*huma.Schema)
	value.OneOf[0].Nullable = true
	return schema
}

// UnmarshalJSON decodes the changes.
func (c *attributeChanges) UnmarshalJSON(text []byte) error {
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	*c = attributeChanges{clear: members == nil, set: Attributes{}}
	for name, value := range members {
		if value == nil {
			c.removed = append(c.removed, name)
		} else {
			c.set[name] = value
		}
	}
	return nil
}

// Resolve implements huma.ResolverWithPath. It returns an error for an invalid name, which
// the schema cannot express.
func (c *attributeChanges) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	if c.set.areNamed() {
		return nil
	}
	return []error{api.FieldError{Location: path.String(), Code: api.FieldFormat, Message: attributeNameMessage}}
}

// apply returns the attributes after the changes.
func (c *attributeChanges) apply(attributes Attributes) Attributes {
	if c.set == nil {
		return attributes
	}
	changed := Attributes{}
	if !c.clear {
		maps.Copy(changed, attributes)
	}
	for _, name := range c.removed {
		delete(changed, name)
	}
	maps.Copy(changed, c.set)
	return changed
}
