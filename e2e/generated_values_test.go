package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// raw is JSON text that is sent unchanged, well-formed or not.
type raw string

// member is a member of an object. An object is a list of them, so that a name can
// occur twice.
type member struct {
	name  string
	value any
}

type members []member

// values generates values from schemas, and corrupts them.
type values struct {
	*rand.Rand
	pools *pools
}

// texts are valid strings: plain, of other scripts, unusual, hostile.
var texts = []string{
	"Assam", "Café Zoë", "شاي", "茶 250 g", "👩‍🍳", "O'Brien; --", `"quoted" \`, "100%", "a b c d e f g h i", "=1+1", "<b>tea</b>",
	"5", "-1", "null", "true", "2026-01-01", "ß", "İ", "ﬁ", "\u202e", "e\u0301", "+49 30 1234567", "10115", "DE", "EUR", "JPY", "XX", "DEM",
}

// oddTexts are JSON strings that violate a rule of texts.
var oddTexts = []raw{
	`"\u0000"`, `"a\nb"`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\xfe\"", "\"Caf\xe9\"", `" "`, `""`, `"\u200b"`, `"\u2028"`, `"\x"`, `"unterminated`,
}

// oddNumbers are numbers at the limits of common types, and beyond.
var oddNumbers = []raw{"-1", "0", "-0", "1000.0", "1e3", "0.1", "1e400", "9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "01", "NaN"}

func pick[T any](v *values, from []T) T { return from[v.IntN(len(from))] }

// generate returns a value that a schema allows in most cases. name is that of the member.
func (v *values) generate(ref *openapi3.SchemaRef, name string) any {
	schema := ref.Value
	switch {
	case len(schema.OneOf) > 0:
		return v.generate(pick(v, schema.OneOf), name)
	case len(schema.Enum) > 0:
		return pick(v, schema.Enum)
	case schema.Type.Is("object"):
		return v.object(schema)
	case schema.Type.Includes("array"):
		var list []any
		for range v.IntN(4) {
			list = append(list, v.generate(schema.Items, name))
		}
		if len(list) == 0 && v.IntN(4) > 0 {
			list = append(list, v.generate(schema.Items, name))
		}
		return list
	case schema.Type.Includes("integer"), schema.Type.Includes("number"):
		return v.number(schema)
	case schema.Type.Includes("boolean"):
		return v.IntN(2) == 0
	default:
		return v.text(schema, name)
	}
}

func (v *values) object(schema *openapi3.Schema) members {
	var all members
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if slices.Contains(schema.Required, name) || v.IntN(3) > 0 {
			all = append(all, member{name, v.generate(schema.Properties[name], name)})
		}
	}
	if additional := schema.AdditionalProperties.Schema; additional != nil {
		for range v.IntN(4) {
			all = append(all, member{fmt.Sprintf("a%d", v.IntN(100)), v.generate(additional, "")})
		}
	}
	return all
}

func (v *values) number(schema *openapi3.Schema) any {
	low, high := 0.0, 1000.0
	if schema.Min != nil {
		low = *schema.Min
	}
	if schema.Max != nil {
		high = *schema.Max
	}
	switch v.IntN(6) {
	case 0:
		return raw(strconv.FormatFloat(high, 'f', -1, 64))
	case 1:
		return raw(strconv.FormatFloat(low, 'f', -1, 64))
	default:
		return int64(low) + v.Int64N(int64(min(high-low, 20))+1)
	}
}

func (v *values) text(schema *openapi3.Schema, name string) string {
	if known := v.pools.known(v, schema.Format, name); known != "" && v.IntN(5) > 0 {
		return known
	}
	if schema.Format == "uuid" {
		return uuid.NewString()
	}
	if name == "sku" {
		return "G-" + strconv.Itoa(v.IntN(5000))
	}
	if len(schema.Examples) > 0 && v.IntN(3) > 0 {
		if example, isString := schema.Examples[0].(string); isString {
			return example
		}
	}
	text := pick(v, texts)
	if v.IntN(10) == 0 && schema.MaxLength != nil {
		text = strings.Repeat("x", int(*schema.MaxLength))
	}
	for len(text) < int(schema.MinLength) {
		text += " " + pick(v, texts)
	}
	return text
}

// corrupt changes a random part of a value, so that it violates a rule in most cases.
func (v *values) corrupt(value any) any {
	switch at := value.(type) {
	case members:
		return v.corruptObject(at)
	case []any:
		if len(at) > 0 && v.IntN(3) > 0 {
			i := v.IntN(len(at))
			at[i] = v.corrupt(at[i])
			return at
		}
		if v.IntN(4) == 0 {
			return raw("[" + strings.TrimSuffix(strings.Repeat(string(v.odd())+",", 1+v.IntN(2000)), ",") + "]")
		}
	}
	return v.odd()
}

func (v *values) corruptObject(all members) any {
	if len(all) == 0 {
		return v.odd()
	}
	i := v.IntN(len(all))
	switch v.IntN(8) {
	case 0: // missing
		return slices.Delete(all, i, i+1)
	case 1: // in another case too
		return append(all, member{strings.ToUpper(all[i].name), all[i].value})
	case 2: // twice
		return append(all, member{all[i].name, v.odd()})
	case 3: // unknown
		return append(all, member{pick(v, []string{"unexpected", "__proto__", "", "Ünknown", strings.Repeat("n", 300)}), v.odd()})
	case 4: // many unknown ones
		for n := range v.IntN(3000) {
			all = append(all, member{"u" + strconv.Itoa(n), raw("0")})
		}
		return all
	default:
		all[i].value = v.corrupt(all[i].value)
		return all
	}
}

// odd returns a value that few members accept.
func (v *values) odd() raw {
	switch v.IntN(7) {
	case 0:
		return "null"
	case 1:
		return pick(v, []raw{"{}", "[]", "true", `[[[[]]]]`, `{"a":{"a":{}}}`})
	case 2:
		return raw(strings.Repeat("[", 1+v.IntN(3000)))
	case 3:
		return raw(`"` + strings.Repeat("y", v.IntN(20_000)) + `"`)
	case 4:
		return pick(v, oddNumbers)
	default:
		return pick(v, oddTexts)
	}
}

// write returns a value as JSON.
func write(value any) string {
	switch at := value.(type) {
	case raw:
		return string(at)
	case members:
		parts := make([]string, len(at))
		for i, m := range at {
			parts[i] = write(m.name) + ":" + write(m.value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		parts := make([]string, len(at))
		for i, element := range at {
			parts[i] = write(element)
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		text, err := json.Marshal(at)
		if err != nil {
			return "null"
		}
		return string(text)
	}
}
