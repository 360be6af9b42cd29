package product

import (
	"encoding/json"
	"maps"

	"github.com/danielgtaylor/huma/v2"
)

// attributeChanges are the changes of a product's attributes by a JSON Merge Patch
// (RFC 7396): attributes that are sent are set, those that are null are removed, all
// others remain. null for all of them removes all.
type attributeChanges struct {
	clear   bool
	set     Attributes
	removed []string
}

// Schema returns the schema of the changes: that of attributes, with null.
func (attributeChanges) Schema(registry huma.Registry) *huma.Schema {
	schema := Attributes{}.Schema(registry)
	schema.Nullable = true
	schema.Description = "Attributes to set, by name. null removes an attribute; all others remain."
	value := schema.AdditionalProperties.(*huma.Schema)
	value.OneOf[0].Nullable = true
	return schema
}

// UnmarshalJSON reads the changes.
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
	changed := maps.Clone(attributes.orNone())
	for _, name := range c.removed {
		delete(changed, name)
	}
	maps.Copy(changed, c.set)
	return changed
}
