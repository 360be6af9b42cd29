package function

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaNames names schemas so that one document holds the types of all services.
type schemaNames struct {
	operation string // the one that is registered now
	taken     map[string]reflect.Type
}

// of returns the name of a type: its own, with its package's before it if another
// type has that already. One without a name is called after the operation.
func (n *schemaNames) of(t reflect.Type, hint string) string {
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

// pascal turns product-create into ProductCreate.
func pascal(name string) string {
	var result strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		result.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return result.String()
}
