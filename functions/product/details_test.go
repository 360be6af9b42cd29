package product_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("images and attributes are returned as they were sent", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Product("DETAILS", 1)
		body["images"] = []string{"https://images.example.com/1.webp", "http://images.example.com/2.webp?w=1&h=2"}
		body["attributes"] = map[string]any{"origin": "Assam <ä>", "weight.grams": 250.5, "organic": true}
		p := s.mustCreate(t, body)
		want := product.Attributes{"origin": "Assam <ä>", "weight.grams": 250.5, "organic": true}
		for _, got := range []product.Product{p, s.mustGet(t, p.ID)} {
			if diff := cmp.Diff(want, got.Attributes) + cmp.Diff(body["images"], any([]string(got.Images))); diff != "" {
				t.Errorf("attributes and images (-want +got):\n%s", diff)
			}
		}
	})

	t.Run("missing images are [] and missing attributes are {}", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("NONE", 1))
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + p.ID.String()})
		if !strings.Contains(string(response.Body), `"images":[],"attributes":{}`) {
			t.Errorf("got %s", response.Body)
		}
	})

	t.Run("an update replaces images and merges attributes", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Product("REPLACE", 1)
		body["images"], body["attributes"] = []string{"https://a.example.com"}, map[string]any{"a": 1, "b": 2}
		p := s.mustCreate(t, body)
		var after product.StaffProduct
		s.patch(t, p.ID, "*", map[string]any{"attributes": map[string]any{"a": nil, "b": 3, "c": "x", "d": nil}}).MustBe(t, http.StatusOK).Into(t, &after)
		if diff := cmp.Diff(product.Attributes{"b": 3.0, "c": "x"}, after.Attributes) + cmp.Diff(p.Images, after.Images); diff != "" {
			t.Errorf("attributes and images (-want +got):\n%s", diff)
		}
		s.patch(t, p.ID, "*", map[string]any{"attributes": map[string]any{}}).MustBe(t, http.StatusOK)
		if diff := cmp.Diff(after.Product, s.mustGet(t, p.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		s.patch(t, p.ID, "*", map[string]any{"images": nil, "attributes": nil}).MustBe(t, http.StatusOK)
		if after.Product = s.mustGet(t, p.ID); len(after.Images) != 0 || len(after.Attributes) != 0 {
			t.Errorf("got %v and %v", after.Images, after.Attributes)
		}
	})

	many := map[string]any{}
	for i := range 51 {
		many[fmt.Sprintf("a%d", i)] = i
	}
	for name, fields := range map[string]map[string]any{
		"an image that is not a URL":     {"images": []string{"javascript:alert(1)"}},
		"too many images":                {"images": strings.Split(strings.Repeat("https://a.example.com ", 21), " ")[:21]},
		"an image that is a number":      {"images": []any{1}},
		"an attribute that is an object": {"attributes": map[string]any{"a": map[string]any{}}},
		"an attribute that is null":      {"attributes": map[string]any{"a": nil}},
		"an attribute that is too long":  {"attributes": map[string]any{"a": strings.Repeat("x", 501)}},
		"an attribute that is too large": {"attributes": map[string]any{"a": 1e300}},
		"an attribute without a name":    {"attributes": map[string]any{"": 1}},
		"an attribute with a long name":  {"attributes": map[string]any{strings.Repeat("x", 65): 1}},
		"too many attributes":            {"attributes": many},
		"attributes that are an array":   {"attributes": []any{}},
	} {
		t.Run(name+" is rejected", func(t *testing.T) {
			t.Parallel()
			body := fixtures.Product("BAD", 1)
			maps.Copy(body, fields)
			s.Do(t, fixtures.CreateProduct(s.admin, body)).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			p := s.mustCreate(t, fixtures.Product("BAD-"+strings.ReplaceAll(name, " ", "-"), 1))
			if name != "an attribute that is null" { // null removes an attribute in an update
				s.patch(t, p.ID, "*", fields).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			}
		})
	}
}
