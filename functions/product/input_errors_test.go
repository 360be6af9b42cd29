package product_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// TestEveryErrorIsReported sends each operation a request that violates rules of its schema
// and rules that the schema cannot express. One response reports all of them (ADR 0006).
func TestEveryErrorIsReported(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("FAULTY", 1))
	item := "/v1/products/" + p.ID.String()
	fields := func(more map[string]any) map[string]any {
		body := map[string]any{"name": "\u200b", "category": "a\nb", "price": map[string]any{"amount": 1, "currency": "XQQ"}, "attributes": map[string]any{"1st": 1}}
		maps.Copy(body, more)
		return body
	}
	errs := []string{"body.attributes invalid_format", "body.category control_character", "body.name blank", "body.price.currency invalid_format"}
	for name, c := range map[string]struct {
		request functiontest.Request
		want    []string
	}{
		"a new product": {
			functiontest.Request{Method: http.MethodPost, Path: "/v1/products", Body: fields(map[string]any{"stock": -1})},
			append([]string{"body.sku required", "body.stock out_of_range"}, errs...),
		},
		"an update": {
			functiontest.Request{Method: http.MethodPatch, Path: item, Body: fields(map[string]any{"images": []any{"x"}}), Header: map[string]string{"If-Match": "*"}},
			append([]string{"body.images[0] invalid_format"}, errs...),
		},
		"an adjustment": {
			functiontest.Request{Method: http.MethodPost, Path: item + "/stock", Body: map[string]any{"delta": 0, "reason": ""}},
			[]string{"body.delta out_of_range", "body.reason blank"},
		},
		"an adjustment by nothing": {
			functiontest.Request{Method: http.MethodPost, Path: item + "/stock", Body: map[string]any{"delta": nil}},
			[]string{"body.delta null_not_allowed", "body.reason required"},
		},
		"a search": {
			functiontest.Request{Method: http.MethodGet, Path: "/v1/products?minPrice=2&maxPrice=1&orderBy=relevance&pageSize=0"},
			[]string{"query.minPrice out_of_range", "query.orderBy not_allowed", "query.pageSize out_of_range"},
		},
	} {
		t.Run(name+" is rejected with all errors", func(t *testing.T) {
			t.Parallel()
			c.request.Token = s.admin
			response := s.Do(t, c.request)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			var problem struct{ Errors []api.FieldError }
			if err := json.Unmarshal(response.Body, &problem); err != nil {
				t.Fatal(err)
			}
			slices.Sort(c.want)
			if got := locations(t, problem.Errors); !slices.Equal(got, c.want) {
				t.Errorf("errors %q, want %q: %s", got, c.want, response.Body)
			}
		})
	}
}
