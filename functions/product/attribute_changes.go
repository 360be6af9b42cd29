package product

import (
	"encoding/json"
	"maps"

	"github.com/danielgtaylor/huma/v2"
)

// attributeChanges is a JSON Merge Patch (RFC 7396) of a product's attributes.
// Attributes that are sent are set, those that are null are removed, all others remain.
// null in place of the object removes all attributes.
type attributeChanges struct {
	clear   bool
	set     Attributes
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

// apply returns the attributes after the changes.
func (c attributeChanges) apply(attributes Attributes) Attributes {
	if c.clear {
		return Attributes{}
	}
	changed := maps.Clone(attributes.orEmpty())
	for _, name := range c.removed {
		delete(changed, name)
	}
	maps.Copy(changed, c.set)
	return changed
}
