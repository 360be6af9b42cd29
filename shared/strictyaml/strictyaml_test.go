package strictyaml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/strictyaml"
)

type document struct {
	Count int                   `yaml:"count"`
	Price float64               `yaml:"price"`
	Text  string                `yaml:"text"`
	Wait  time.Duration         `yaml:"wait"`
	Parts map[string]*part      `yaml:"parts"`
	List  []struct{ N *uint32 } `yaml:"list"`
}

type part struct {
	Size *int `yaml:"size"`
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	size := 3
	for text, want := range map[string]document{
		"":                                    {},
		"# only a comment":                    {},
		"count: 2\nprice: 1.5\ntext: 1.5":     {Count: 2, Price: 1.5, Text: "1.5"},
		"---\ncount: 2\n":                     {Count: 2},
		"wait: 1.5s":                          {Wait: 1500 * time.Millisecond},
		"parts: {a: {size: 3}}":               {Parts: map[string]*part{"a": {Size: &size}}},
		"parts: {a: &a {size: 3}, b: *a}\n":   {Parts: map[string]*part{"a": {Size: &size}, "b": {Size: &size}}},
		"parts: {a: }\ncount: 0x10\nprice: 7": {Parts: map[string]*part{"a": nil}, Count: 16, Price: 7},
	} {
		var got document
		if err := strictyaml.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"counts: 2":                        "counts",
		"Count: 2":                         "Count",
		"count: 2\ncount: 3":               "already defined",
		"count: 2\n---\ncount: 3":          "more than one document",
		"count: 2\n---\n}":                 "more than one document",
		"count: 1.9":                       "line 1: 1.9 is not an integer",
		"count: 2.0":                       "2.0 is not an integer",
		"count: .nan":                      ".nan",
		"parts: {a: {size: 1.5}}":          "1.5 is not an integer",
		"parts: {a: &a {size: 3e0}}":       "3e0 is not an integer",
		"parts:\n  a: {size: 1}\n  b: [1]": "cannot unmarshal",
		"count: [":                         "line 1",
		"count: \xff":                      "UTF-8",
	} {
		if err := strictyaml.Unmarshal([]byte(text), new(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
