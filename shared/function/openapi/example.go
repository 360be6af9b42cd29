package openapi

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// addExample adds an example to a body without one.
func addExample(content *huma.MediaType, schemas huma.Registry) {
	if content.Schema != nil && content.Example == nil && content.Examples == nil {
		content.Example = Example(content.Schema, schemas)
	}
}

// Example returns a value that is valid for a schema: the examples of the fields, and a
// simple valid value for fields without one.
func Example(schema *huma.Schema, schemas huma.Registry) any {
	if schema.Ref != "" {
		schema = schemas.SchemaFromRef(schema.Ref)
	}
	switch {
	case len(schema.Examples) > 0:
		return schema.Examples[0]
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case schema.Default != nil:
		return schema.Default
	}
	switch schema.Type {
	case huma.TypeObject:
		object := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			object[name] = Example(schema.Properties[name], schemas)
		}
		return object
	case huma.TypeArray:
		return []any{Example(schema.Items, schemas)}
	case huma.TypeString:
		return exampleString(schema)
	case huma.TypeInteger, huma.TypeNumber:
		if schema.Minimum != nil {
			return math.Max(1, *schema.Minimum)
		}
		return 1
	case huma.TypeBoolean:
		return true
	default:
		return nil
	}
}

func exampleString(schema *huma.Schema) string {
	switch schema.Format {
	case "uuid":
		return exampleID
	case "date-time":
		return "2026-03-01T09:30:00Z"
	case "date":
		return "2026-03-01"
	case "uri":
		return "https://example.com/"
	case "email":
		return "ada@example.com"
	}
	text := "text"
	if schema.MinLength != nil && *schema.MinLength > len(text) {
		text += strings.Repeat("t", *schema.MinLength-len(text))
	}
	if schema.MaxLength != nil && *schema.MaxLength < len(text) {
		text = text[:*schema.MaxLength]
	}
	return text
}
