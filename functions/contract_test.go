package functions_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestContract checks responses with one defect each against openapi.yaml, and requires
// that the check reports it.
func TestContract(t *testing.T) {
	t.Parallel()
	const path = "/v1/products/0199c0de-0000-7000-8000-000000000001"
	valid := map[string]any{
		"id": "0199c0de-0000-7000-8000-000000000001", "sku": "TEA", "name": "Tea", "description": "", "category": "tea",
		"price": map[string]any{"amount": 1299, "currency": "EUR"}, "available": 5, "status": "active", "images": []string{},
		"taxClass": "", "weight": 270, "attributes": map[string]any{"organic": true, "weightGrams": 250}, "version": 1,
		"createdAt": "2026-03-01T09:30:00Z", "updatedAt": "2026-03-01T09:30:00.123456Z",
	}
	problem := map[string]any{"title": "Not Found", "status": 404, "code": "product_not_found"}
	headers := http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}, "Cache-Control": {"public, max-age=5, stale-while-revalidate=30"},
		"X-Content-Type-Options": {"nosniff"}}
	type response struct {
		status int
		header http.Header
		body   map[string]any
	}
	check := func(r response) error {
		body, err := json.Marshal(r.body)
		if err != nil {
			t.Fatal(err)
		}
		return contract.CheckResponse(httptest.NewRequest(http.MethodGet, path, http.NoBody), r.status, r.header, body)
	}
	with := func(object map[string]any, name string, value any) map[string]any {
		object = maps.Clone(object)
		object[name] = value
		return object
	}
	header := func(name string, values ...string) http.Header {
		h := headers.Clone()
		h[name] = values
		return h
	}
	asProblem := header("Content-Type", "application/problem+json")
	asProblem.Set("X-Request-Id", "1")
	asProblem.Set("Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736")
	storedProblem, anonymousProblem := asProblem.Clone(), asProblem.Clone()
	asProblem.Set("Cache-Control", "no-store")
	anonymousProblem.Set("Cache-Control", "no-store")
	anonymousProblem.Del("X-Request-Id")

	for name, right := range map[string]response{
		"a product":         {http.StatusOK, headers, valid},
		"a missing product": {http.StatusNotFound, asProblem, problem},
		"a 304 to a GET":    {http.StatusNotModified, headers, nil},
	} {
		t.Run(name+" is accepted", func(t *testing.T) {
			t.Parallel()
			if err := check(right); err != nil {
				t.Error(err)
			}
		})
	}
	for name, wrong := range map[string]struct {
		response response
		error    string
	}{
		"a string for a number":       {response{http.StatusOK, headers, with(valid, "available", "5")}, "available"},
		"an unknown member":           {response{http.StatusOK, headers, with(valid, "passwordHash", "x")}, "passwordHash"},
		"null for a list":             {response{http.StatusOK, headers, with(valid, "images", nil)}, "images"},
		"an unknown status":           {response{http.StatusOK, headers, with(valid, "status", "lost")}, "status"},
		"an invalid UUID":             {response{http.StatusOK, headers, with(valid, "id", "7")}, "id"},
		"an invalid time":             {response{http.StatusOK, headers, with(valid, "createdAt", "yesterday")}, "createdAt"},
		"an invalid currency":         {response{http.StatusOK, headers, with(valid, "price", map[string]any{"amount": 1, "currency": "euro"})}, "currency"},
		"an empty object":             {response{http.StatusOK, headers, map[string]any{}}, "sku"},
		"another media type":          {response{http.StatusOK, header("Content-Type", "text/html"), valid}, "text/html"},
		"no ETag":                     {response{http.StatusOK, header("Etag"), valid}, "ETag"},
		"a stored Trace-Id":           {response{http.StatusOK, header("Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736"), valid}, "Trace-Id"},
		"a stored X-Request-Id":       {response{http.StatusOK, header("X-Request-Id", "1"), valid}, "X-Request-Id"},
		"no X-Request-Id":             {response{http.StatusNotFound, anonymousProblem, problem}, "X-Request-Id"},
		"another max-age":             {response{http.StatusOK, header("Cache-Control", "public, max-age=60"), valid}, "Cache-Control"},
		"no nosniff":                  {response{http.StatusOK, header("X-Content-Type-Options"), valid}, "X-Content-Type-Options"},
		"a read that no cache stores": {response{http.StatusOK, header("Cache-Control", "no-store"), valid}, "Cache-Control"},
		"a problem that caches store": {response{http.StatusNotFound, storedProblem, problem}, "Cache-Control"},
		"an undocumented status":      {response{http.StatusTeapot, asProblem, problem}, "418"},
		"an undocumented code":        {response{http.StatusNotFound, asProblem, with(problem, "code", "order_not_found")}, "code"},
		"a problem without code":      {response{http.StatusNotFound, asProblem, map[string]any{"title": "Not Found", "status": 404}}, "code"},
	} {
		t.Run(name+" is reported", func(t *testing.T) {
			t.Parallel()
			if err := check(wrong.response); err == nil || !strings.Contains(err.Error(), wrong.error) {
				t.Errorf("got %v, want an error about %s", err, wrong.error)
			}
		})
	}
}
