package openapi

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// exampleID is the id of resources in examples.
const exampleID = "0199c0de-0000-7000-8000-000000000001"

// ExampleAdjuster is implemented by response types whose example depends on the operation:
// an order is cancelled after one and shipped after another.
type ExampleAdjuster interface {
	// AdjustExample changes those members of an operation's example that depend on it.
	AdjustExample(operation string, example map[string]any)
}

// adjustExample adjusts the example of an operation if the response's type supports it.
func adjustExample(content *huma.MediaType, schemas huma.Registry, operation string) {
	example, isObject := content.Example.(map[string]any)
	if content.Schema == nil || content.Schema.Ref == "" || !isObject {
		return
	}
	value := reflect.New(schemas.TypeFromRef(content.Schema.Ref)).Interface()
	if adjuster, ok := value.(ExampleAdjuster); ok {
		adjuster.AdjustExample(operation, example)
	}
}
