package openapi

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaNames assigns unique names to the schemas of all services in one document.
type schemaNames struct {
	operation string // the one that is being registered
	taken     map[string]reflect.Type
}

func newSchemaNames() *schemaNames { return &schemaNames{taken: map[string]reflect.Type{}} }

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
	if other, taken := n.taken[name]; taken && other != t {
		name = pascal(t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]) + name
	}
	n.taken[name] = t
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
