package functions_test

import (
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"souk/functions"
	"souk/shared/function"
	"souk/shared/manifest"
)

// openAPI parses openapi.yaml once.
var openAPI = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(functions.OpenAPI) })

// fieldRule is the rule of a field of a request in openapi.yaml.
type fieldRule struct {
	nullable bool
	// text is the rule of a text: line, label, multiline or password; "" for a string with a
	// format or pattern, and for other types.
	text string
}

// mustReadRule returns the rule of a field of a function's body.
func mustReadRule(t *testing.T, f manifest.Function, path []any) fieldRule {
	t.Helper()
	d, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	schema := d.Paths.Find(f.Path()).GetOperation(f.Method()).RequestBody.Value.Content["application/json"].Schema.Value
	for _, step := range path {
		name, isName := step.(string)
		switch {
		case !isName:
			schema = schema.Items.Value
		case schema.Properties[name] != nil:
			schema = schema.Properties[name].Value
		default:
			schema = schema.AdditionalProperties.Schema.Value
		}
	}
	rule := fieldRule{nullable: schema.Type.Includes("null")}
	for _, alternative := range schema.OneOf {
		rule.nullable = rule.nullable || alternative.Value.Type.Includes("null")
		if alternative.Value.Type.Includes("string") {
			schema = alternative.Value
		}
	}
	switch {
	case !schema.Type.Includes("string"):
	case schema.Format == function.Multiline || schema.Format == function.Label || schema.Format == function.Password:
		rule.text = schema.Format
	case schema.Format == "" && schema.Pattern == "" && schema.Enum == nil:
		rule.text = "line"
	}
	return rule
}

// mustFindFunction returns the function with a name.
func mustFindFunction(t testing.TB, name string) manifest.Function {
	t.Helper()
	f, listed := functions.Manifest().Function(name)
	if !listed {
		t.Fatalf("functions.yaml has no %s", name)
	}
	return f
}
