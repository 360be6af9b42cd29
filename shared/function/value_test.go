package function

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"souk/shared/api"
	"souk/shared/strictjson"
)

func TestCheckValue(t *testing.T) {
	t.Parallel()
	type line struct {
		Name  string `json:"name" minLength:"1"`
		Text  string `json:"text,omitempty" format:"multiline" nullable:"true"`
		Count int    `json:"count,omitempty" minimum:"0"`
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schema := huma.SchemaFromType(registry, reflect.TypeFor[line]())
	for text, want := range map[string]struct {
		value string
		errs  []string
	}{
		`{"name":" a ","text":"b\r\nc","count":1.0}`: {`{"count":1,"name":"a","text":"b\nc"}`, nil},
		`{"name":"a","text":null}`:                   {`{"name":"a","text":""}`, nil},
		`{"Name":"a","count":-1,"text":"\u0000"}`: {`{"Name":"a","count":-1,"text":"\u0000"}`, []string{
			"Name unknown_field", "count out_of_range", "name required", "text control_character",
		}},
		`{"name":null}`: {`{"name":null}`, []string{"name null_not_allowed"}},
		`[]`:            {`[]`, []string{" invalid_type"}},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			parsed, err := strictjson.Parse([]byte(text), "")
			if err != nil {
				t.Fatal(err)
			}
			value, errs := CheckValue(registry, schema, parsed)
			got, err := json.Marshal(value)
			if err != nil || string(got) != want.value {
				t.Errorf("value %s (%v), want %s", got, err, want.value)
			}
			if diff := cmp.Diff(want.errs, locationsAndCodes(errs)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func locationsAndCodes(errs []api.FieldError) (short []string) {
	for _, e := range errs {
		short = append(short, e.Location+" "+e.Code)
	}
	return short
}
