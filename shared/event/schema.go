package event

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// Payloads says, by topic, what the events of a service carry: a value of the type
// that is added to the outbox.
type Payloads map[string]any

// schemaOfUUID makes an id a string of the form of a UUID.
type schemaOfUUID struct{}

// Schema makes schemaOfUUID a huma.SchemaProvider.
func (schemaOfUUID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// Schema returns the JSON Schema (2020-12) of a type that is the payload of an
// event. Objects may have more than it says: a consumer leaves alone what it does
// not know, so that a publisher can add to what it tells.
func Schema(payload reflect.Type) (map[string]any, error) {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[schemaOfUUID]())
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
	schema, is := schemas[name].(map[string]any)
	if !is {
		return nil, fmt.Errorf("payload %s: is no struct", payload)
	}
	delete(schemas, name)
	open(schema)
	open(schemas)
	if len(schemas) > 0 {
		schema["$defs"] = schemas
	}
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	return schema, nil
}

// open takes out of a schema that objects have nothing but what it says.
func open(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if s["additionalProperties"] == false {
			delete(s, "additionalProperties")
		}
		delete(s, "patternDescription") // huma's own
		for _, part := range s {
			open(part)
		}
	case []any:
		for _, part := range s {
			open(part)
		}
	}
}
