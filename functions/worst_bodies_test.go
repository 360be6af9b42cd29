package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"souk/shared/manifest"
)

// exampleBody returns the example of a function's body in openapi.yaml.
func exampleBody(t testing.TB, f manifest.Function) []byte {
	t.Helper()
	operation := findOperation(t, f)
	if operation == nil || operation.RequestBody == nil || operation.RequestBody.Value.Content["application/json"] == nil {
		return nil
	}
	text, err := json.Marshal(operation.RequestBody.Value.Content["application/json"].Example)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// worstBody is a body with its media type and encoding.
type worstBody struct {
	media, encoding string
	text            []byte
}

// worstBodies returns the bodies that need the most memory, within a function's limit: each
// fills the limit, or is just within the bounds of strictjson.
func worstBodies(t testing.TB, f manifest.Function) map[string]worstBody {
	t.Helper()
	bodies := map[string]worstBody{}
	if f.Name == "product-import" {
		return worstFiles(t, int(f.BodyLimit()))
	}
	for name, text := range worstJSON(t, f) {
		bodies[name] = worstBody{media: "application/json", text: text}
	}
	return bodies
}

// worstFiles returns the worst bodies of an import.
func worstFiles(t testing.TB, limit int) map[string]worstBody {
	t.Helper()
	const ndjson, csv = "application/x-ndjson", "text/csv"
	const lines = 50_000 // the limit of an import
	name := strings.Repeat("n", 180)
	invalidLine := func(n int) func(int) string {
		members := fill(n, `{"sku":"S"`, func(i int) string { return fmt.Sprintf(`,"m%d":{}`, i) }, "}\n")
		return func(int) string { return string(members) }
	}
	bodies := map[string]worstBody{
		"a long line":              {media: ndjson, text: fill(limit, `{"sku":"`, func(int) string { return "xxxxxxxx" }, `"}`)},
		"a long cell":              {media: csv, text: fill(limit, "sku,name\nA,\"", func(int) string { return "xxxxxxxx" }, `"`)},
		"short lines":              {media: ndjson, text: fill(limit, "", func(int) string { return "{}\n" }, "")},
		"lines with errors":        {media: ndjson, text: fill(limit, "", invalidLine(limit/lines), "")},
		"lines with many errors":   {media: ndjson, text: fill(limit, "", invalidLine(9_000), "")},
		"lines with long names":    {media: ndjson, text: fill(limit, "", func(int) string { return `{"` + name + `":0,"` + name + `2":0,"` + name + `3":0}` + "\n" }, "")},
		"rows with many errors":    {media: csv, text: fill(limit, "sku,name,price,currency,stock,stockDelta,status\n", func(int) string { return "\x01,\x01,x,x,x,x,x\n" }, "")},
		"new products":             {media: ndjson, text: fill(2<<20, "", func(i int) string { return newProduct(i) }, "")},
		"a header of many columns": {media: csv, text: fill(limit, "sku", func(i int) string { return fmt.Sprintf(",c%d", i) }, "\n")},
	}
	bodies["gzip"] = worstBody{media: ndjson, encoding: "gzip", text: []byte(mustGzip(t, strings.Repeat(" ", 8*limit)))}
	return bodies
}

func newProduct(i int) string {
	return fmt.Sprintf(`{"sku":"NEW-%d","name":"New","description":"%s","price":{"amount":1,"currency":"EUR"}}`+"\n", i, strings.Repeat("long ", 1_900))
}

func worstJSON(t testing.TB, f manifest.Function) map[string][]byte {
	t.Helper()
	limit := int(f.BodyLimit())
	bodies := map[string][]byte{
		"unknown members": fill(limit, `{"a":0`, func(i int) string { return fmt.Sprintf(`,"m%d":0`, i) }, `}`),
		"900 members":     fill(min(limit, 900*16), `{"a":0`, func(i int) string { return fmt.Sprintf(`,"m%09d":0`, i) }, `}`),
		"long names":      fill(limit, `{"`+strings.Repeat("n", limit/2)+`":{"a":0`, func(i int) string { return fmt.Sprintf(`,"m%d":"\u0000"`, i) }, `}}`),
		"deep arrays":     []byte(strings.Repeat("[", limit)),
		"deep objects":    []byte(strings.Repeat(`{"a":`, limit/5)),
		"30 levels":       fill(limit, strings.Repeat(`{"a":`, 30)+`[0`, func(int) string { return `,0` }, `]`+strings.Repeat(`}`, 30)),
		"elements":        fill(limit, `[0`, func(int) string { return ",0" }, `]`),
		"a long text":     fill(limit, `"`, func(int) string { return "x" }, `"`),
		"escapes":         fill(limit, `"`, func(int) string { return `\u0000` }, `"`),
		"invalid JSON":    fill(limit, `{`, func(int) string { return "\xff" }, ``),
	}
	if schema := bodySchema(t, f); schema != nil {
		bodies["the longest that is allowed"] = []byte(mustJSON(t, longestValue(schema)))
		bodies["an example"] = exampleBody(t, f)
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			bodies["elements of "+name] = fill(limit, `{"`+name+`":[0`, func(int) string { return ",0" }, `]}`)
			bodies["900 objects in "+name] = fill(limit, `{"`+name+`":[{}`, func(i int) string {
				if i > 900 {
					return ""
				}
				return `,{"` + strings.Repeat("x", max(1, limit/1000-10)) + `":""}`
			}, `]}`)
			bodies["members of "+name] = fill(limit, `{"`+name+`":{"a":0`, func(i int) string { return fmt.Sprintf(`,"m%d":{}`, i) }, `}}`)
			bodies["long text in "+name] = fill(limit, `{"`+name+`":"`, func(int) string { return "x" }, `"}`)
		}
	}
	return bodies
}

// fill returns begin, as many parts as fit, and end, in at most limit bytes.
func fill(limit int, begin string, part func(i int) string, end string) []byte {
	body := []byte(begin)
	for i := 0; ; i++ {
		next := part(i)
		if next == "" || len(body)+len(next)+len(end) > limit {
			return append(body, end...)
		}
		body = append(body, next...)
	}
}
