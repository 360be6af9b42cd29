package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"souk/functions"
	"souk/shared/manifest"
)

// maxNameLength is the longest name of a free member, such as a product's attribute.
const maxNameLength = 64

// TestBodyLimit requires that the longest body that a function's schema allows is within
// the function's limit. If it fails, raise maxBody in functions.yaml.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for _, f := range functions.Manifest().Functions {
		schema := bodySchema(t, f)
		if schema == nil {
			continue
		}
		longest := []byte(mustJSON(t, longestValue(schema)))
		if limit := f.BodyLimit(); int64(len(longest)) > limit {
			t.Errorf("%s accepts %d bytes, but its schema allows %d: %.200s", f.Name, limit, len(longest), longest)
		}
		limit, most := f.BodyLimit(), int64(manifest.DefaultMaxBody)
		if f.Access == manifest.Anyone {
			most = manifest.DefaultMaxOpenBody
		}
		if limit > most && int64(len(longest)) <= most {
			t.Errorf("%s accepts %d bytes, but needs only %d: leave maxBody out", f.Name, limit, len(longest))
		}
	}
}

// bodySchema returns the schema of a function's JSON body, nil if it has none.
func bodySchema(t testing.TB, f manifest.Function) *openapi3.Schema {
	t.Helper()
	operation := findOperation(t, f)
	if operation == nil || operation.RequestBody == nil || operation.RequestBody.Value.Content["application/json"] == nil {
		return nil
	}
	return operation.RequestBody.Value.Content["application/json"].Schema.Value
}

func findOperation(t testing.TB, f manifest.Function) *openapi3.Operation {
	t.Helper()
	if f.HTTP == "" {
		return nil
	}
	document, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	item := document.Paths.Value(f.Path())
	if item == nil || item.GetOperation(f.Method()) == nil {
		t.Fatalf("openapi.yaml has no %s", f.HTTP)
	}
	return item.GetOperation(f.Method())
}

// longestValue returns the longest value that a schema allows, in characters of four
// bytes where any are allowed. Patterns and formats get examples.
func longestValue(schema *openapi3.Schema) any {
	if alternatives := slices.Concat(schema.OneOf, schema.AnyOf); len(alternatives) > 0 {
		return slices.MaxFunc([]any{longestValue(alternatives[0].Value), longestValue(alternatives[len(alternatives)-1].Value)}, func(a, b any) int {
			return len(fmt.Sprint(a)) - len(fmt.Sprint(b))
		})
	}
	switch {
	case schema.Type.Includes(openapi3.TypeString):
		return longestText(schema)
	case schema.Type.Includes(openapi3.TypeInteger), schema.Type.Includes(openapi3.TypeNumber):
		return 1
	case schema.Type.Includes(openapi3.TypeBoolean):
		return false
	case schema.Type.Includes(openapi3.TypeArray):
		n := 1
		if schema.MaxItems != nil {
			n = int(*schema.MaxItems)
		}
		return slices.Repeat([]any{longestValue(schema.Items.Value)}, n)
	}
	value := object{}
	for name, member := range schema.Properties {
		value[name] = longestValue(member.Value)
	}
	if free := schema.AdditionalProperties.Schema; free != nil && schema.MaxProps != nil {
		for i := range int(*schema.MaxProps) {
			value[fmt.Sprint(i)+strings.Repeat("😀", maxNameLength-2)] = longestValue(free.Value)
		}
	}
	return value
}

func longestText(schema *openapi3.Schema) string {
	switch {
	case schema.Pattern != "" && schema.MaxLength != nil:
		return strings.Repeat("a", int(*schema.MaxLength)) // the patterns with a length are for ASCII, or end with it
	case schema.Pattern != "" || schema.Format == "uuid" || len(schema.Enum) > 0 || schema.MaxLength == nil:
		return "0199c0de-0000-7000-8000-000000000001"
	default:
		return strings.Repeat("😀", int(*schema.MaxLength))
	}
}
