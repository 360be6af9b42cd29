package openapi

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// uuidSchema describes an id as a string in the format of a UUID.
type uuidSchema struct{}

// Schema implements huma.SchemaProvider.
func (uuidSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// EventSchema returns the JSON Schema (2020-12) of an event's payload. Objects may have
// members that it does not list: consumers ignore them, so that a publisher can add
// members.
func EventSchema(payload reflect.Type) (map[string]any, error) {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[uuidSchema]())
	name := huma.DefaultSchemaNamer(payload, "Payload")
	registry.Schema(payload, false, "Payload")
	text, err := json.Marshal(registry.Map())
	if err != nil {
		return nil, fmt.Errorf("write the schema of %s: %w", payload, err)
	}
	var schemas map[string]any
	if err := json.Unmarshal(text, &schemas); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", payload, err)
	}
	schema, ok := schemas[name].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("payload %s: not a struct", payload)
	}
	delete(schemas, name)
	openObjects(schema)
	openObjects(schemas)
	if len(schemas) > 0 {
		schema["$defs"] = schemas
	}
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	return schema, nil
}

// openObjects removes additionalProperties: false from a schema, so that payloads may have
// members that the schema does not list.
func openObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if s["additionalProperties"] == false {
			delete(s, "additionalProperties")
		}
		delete(s, "patternDescription") // not a keyword of JSON Schema
		for _, part := range s {
			openObjects(part)
		}
	case []any:
		for _, part := range s {
			openObjects(part)
		}
	}
}
