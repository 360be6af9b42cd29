package product_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"souk/functions"
	"souk/shared/function/functiontest"
)

// mustReadExample returns the documented example of an update, which has every editable
// field.
func mustReadExample(t *testing.T) map[string]any {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(functions.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	body := document.Paths.Find("/v1/products/{id}").Patch.RequestBody.Value.Content["application/json"]
	example, _ := body.Example.(map[string]any)
	if len(body.Schema.Value.Properties) == 0 || len(example) != len(body.Schema.Value.Properties) {
		t.Fatalf("the example %v lacks fields of the body", example)
	}
	return example
}

// TestEveryField writes each editable field in every way in which it can be written, and
// reads it in every way: a new field is tested without a change here.
func TestEveryField(t *testing.T) {
	t.Parallel()
	s := open(t)
	for field, value := range mustReadExample(t) {
		fields := func(sku string) map[string]any {
			return map[string]any{"sku": field + "-" + sku, "name": "without it", "price": map[string]any{"amount": 1, "currency": "EUR"}}
		}
		with := func(sku string) map[string]any {
			body := fields(sku)
			body[field] = value
			return body
		}
		t.Run(field+" is set by a creation, an update and an import, and exported", func(t *testing.T) {
			t.Parallel()
			created := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Token: s.admin, Body: with("created")}).MustBe(t, http.StatusCreated)
			requireField(t, field, value, created.Body)
			updated := s.mustCreate(t, fields("updated"))
			requireField(t, field, value, s.patch(t, updated.ID, "*", map[string]any{field: value}).MustBe(t, http.StatusOK).Body)
			line, err := json.Marshal(with("imported"))
			if err != nil {
				t.Fatal(err)
			}
			s.mustImport(t, ndjson, string(line))
			requireField(t, field, value, s.mustFindBySKU(t, updated.SKU))
			if got := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + updated.ID.String()}).Body; field != "lowStockAt" {
				requireField(t, field, value, got)
			} else if strings.Contains(string(got), `"`+field+`":`) {
				t.Errorf("%s is public: %s", field, got)
			}
			exported := s.mustExportLines(t)
			for _, sku := range []string{"created", "updated", "imported"} {
				requireField(t, field, value, []byte(exported[field+"-"+sku]))
			}
			header, _, _ := strings.Cut(s.mustExport(t, "csv"), "\n")
			if !strings.Contains(","+header+",", ","+field+",") {
				t.Errorf("the columns %s lack %s", header, field)
			}
		})
	}
}

func requireField(t *testing.T, field string, want any, object []byte) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(object, &fields); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, fields[field]); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", field, diff)
	}
}

// mustExportLines exports the products as lines of JSON, and returns them by SKU.
func (s shop) mustExportLines(t *testing.T) map[string]string {
	t.Helper()
	exported := map[string]string{}
	for line := range strings.Lines(s.mustExport(t, "ndjson")) {
		var product struct{ SKU string }
		if err := json.Unmarshal([]byte(line), &product); err != nil {
			t.Fatal(err)
		}
		exported[product.SKU] = line
	}
	return exported
}
