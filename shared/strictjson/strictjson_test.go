package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/api"
	"souk/shared/strictjson"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     any
	}{
		{"every kind of value", ` {"a":[1,-2.5,"x",true,false,null,{}],"b":{}} `,
			map[string]any{"a": []any{json.Number("1"), json.Number("-2.5"), "x", true, false, nil, map[string]any{}}, "b": map[string]any{}}},
		{"a whole number with a fraction", `1000.0`, json.Number("1000")},
		{"a whole number with an exponent", `1e3`, json.Number("1000")},
		{"a negative zero", `-0.0`, json.Number("0")},
		{"a number that float64 does not hold exactly", `9007199254740993`, json.Number("9007199254740993")},
		{"a surrogate pair", `"\ud83d\ude00"`, "😀"},
		{"names that differ in case, which are two", `{"a":"1","A":"2"}`, map[string]any{"a": "1", "A": "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := strictjson.Parse([]byte(c.in), "body")
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("error %v, value (-want +got):\n%s", err, diff)
			}
		})
	}
}

// refusals are bodies that are refused, with the location and code of the error.
var refusals = []struct{ name, in, location, code string }{
	{"nothing", "", "body", api.FieldSyntax},
	{"an open object", `{"a":1`, "body", api.FieldSyntax},
	{"trailing data", `{"a":1}x`, "body", api.FieldSyntax},
	{"two values", `{} {}`, "body", api.FieldSyntax},
	{"a comment", "{}//", "body", api.FieldSyntax},
	{"NaN", `{"a":NaN}`, "body.a", api.FieldSyntax},
	{"a duplicate name", `{"a":1,"b":2,"a":3}`, "body.a", api.FieldDuplicate},
	{"a duplicate name that is escaped", `{"a":1,"\u0061":3}`, "body.a", api.FieldDuplicate},
	{"a duplicate name within", `{"a":[{"b":{"c":1,"c":1}}]}`, "body.a[0].b.c", api.FieldDuplicate},
	{"an object sent twice", `{"a":{"b":1},"a":{"c":1}}`, "body.a", api.FieldDuplicate},
	{"Latin-1", "{\"a\":\"Caf\xe9\"}", "body.a", api.FieldEncoding},
	{"a Latin-1 name", "{\"Caf\xe9\":1}", "body", api.FieldEncoding},
	{"a lone surrogate", `{"a":["\ud800"]}`, "body.a[0]", api.FieldEncoding},
	{"halves in the wrong order", `{"a":"\ude00\ud83d"}`, "body.a", api.FieldEncoding},
	{"a UTF-8 surrogate", "{\"a\":\"\xed\xa0\x80\"}", "body.a", api.FieldEncoding},
	{"a number beyond float64", `{"a":1e999}`, "body.a", api.FieldRange},
	{"many levels", strings.Repeat("[", 100_000), "body" + strings.Repeat("[0]", strictjson.MaxDepth+1), api.FieldSyntax},
	{"many elements", `{"a":[` + strings.Repeat("0,", 520_000) + `0]}`, "body.a", api.FieldTooMany},
	{"many members", manyMembers(), "body", api.FieldTooMany},
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := strictjson.Parse([]byte(c.in), "body")
			requireFieldError(t, err, c.location, c.code)
			var target any
			requireFieldError(t, strictjson.Unmarshal([]byte(c.in), "body", &target), c.location, c.code)
		})
	}
}

func manyMembers() string {
	var b strings.Builder
	b.WriteString(`{"0":0`)
	for i := range strictjson.MaxValues {
		b.WriteString(`,"m` + strings.Repeat("x", i) + `":0`)
	}
	return b.String() + "}"
}

func requireFieldError(t *testing.T, err error, location, code string) {
	t.Helper()
	var got api.FieldError
	if !errors.As(err, &got) || got.Location != location || got.Code != code || got.Message == "" {
		t.Errorf("got %v (%q), want %s at %s", err, got.Code, code, location)
	}
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	type item struct {
		SKU    string `json:"sku"`
		Amount int64  `json:"amount"`
	}
	type order struct {
		Items []item            `json:"items"`
		Notes map[string]string `json:"notes"`
	}
	var got order
	err := strictjson.Unmarshal([]byte(`{"items":[{"sku":"A","amount":1000.0}],"notes":{"Items":"x"}}`), "line", &got)
	want := order{[]item{{"A", 1000}}, map[string]string{"Items": "x"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, order (-want +got):\n%s", err, diff)
	}
	for _, c := range []struct{ name, in, location, code string }{
		{"another case", `{"items":[],"ITEMS":[]}`, "line.ITEMS", api.FieldUnknown},
		{"another case within", `{"items":[{"Sku":"A"}]}`, "line.items[0].Sku", api.FieldUnknown},
		{"an unknown member", `{"notes":{},"x":1}`, "line.x", api.FieldUnknown},
		{"a string for a number", `{"items":[{"amount":"1"}]}`, "line.items[0].amount", api.FieldType},
		{"a fraction for an integer", `{"items":[{"amount":1.5}]}`, "line.items[0].amount", api.FieldType},
		{"an integer beyond int64", `{"items":[{"amount":9223372036854775808}]}`, "line.items[0].amount", api.FieldRange},
		{"another kind of value", `[]`, "line", api.FieldType},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireFieldError(t, strictjson.Unmarshal([]byte(c.in), "line", new(order)), c.location, c.code)
		})
	}
}

// FuzzParse checks that a parsed value, when marshalled, parses to the same value.
func FuzzParse(f *testing.F) {
	for _, c := range refusals {
		f.Add([]byte(c.in[:min(len(c.in), 200)]))
	}
	f.Add([]byte(`{"a":[1.0,"x"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := strictjson.Parse(data, "body")
		if err != nil {
			return
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := strictjson.Parse(text, "body")
		if diff := cmp.Diff(value, again); err != nil || diff != "" {
			t.Errorf("%q: error %v, value (-want +got):\n%s", text, err, diff)
		}
	})
}
