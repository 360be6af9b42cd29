package openapi

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaNames assigns unique names to the schemas of all services in one document.
type schemaNames struct {
	operation string                  // the name of the function that is being added
	types     map[string]reflect.Type // by schema name
}

func newSchemaNames() *schemaNames { return &schemaNames{types: map[string]reflect.Type{}} }

// name returns the name of a type: its Go name, after the package's if another type has the
// same name. A type without a name is named after the operation.
func (n *schemaNames) name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" && t.Kind() == reflect.Struct {
		if strings.HasSuffix(hint, "Body") || strings.HasSuffix(hint, "Request") {
			hint = "Request"
		}
		return pascal(n.operation) + huma.DefaultSchemaNamer(t, hint)
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if t.Kind() != reflect.Struct {
		return name
	}
	if other, used := n.types[name]; used && other != t {
		name = pascal(t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]) + name
	}
	n.types[name] = t
	return name
}

// pascal converts product-create to ProductCreate.
func pascal(name string) string {
	var result strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		result.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return result.String()
}
