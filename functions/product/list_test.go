package product_test

import (
	"fmt"
	"net/http"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func (s shop) mustList(t *testing.T, query string) api.Page[product.Product] {
	t.Helper()
	var page api.Page[product.Product]
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products" + query}).
		MustBe(t, http.StatusOK).Into(t, &page)
	return page
}

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t)
	if page := s.mustList(t, ""); page.Items == nil || len(page.Items) != 0 || page.NextPageToken != "" {
		t.Fatalf("an empty shop lists %+v, want items []", page)
	}
	var created []product.Product
	for i := range 5 {
		body := fixtures.Product(fmt.Sprintf("TEA-%d", i), 1)
		if i == 2 {
			body["category"] = "cups"
		}
		created = append(created, s.mustCreate(t, body))
	}

	t.Run("all products are listed once in pages, newest first", func(t *testing.T) {
		t.Parallel()
		var listed []product.Product
		token := ""
		for pages := 0; ; pages++ {
			page := s.mustList(t, "?pageSize=2&pageToken="+token)
			listed = append(listed, page.Items...)
			if token = page.NextPageToken; token == "" {
				break
			}
			if pages > len(created) {
				t.Fatal("the pages do not end")
			}
		}
		if len(listed) != len(created) {
			t.Fatalf("listed %d products, want %d", len(listed), len(created))
		}
		for i := range listed {
			if want := created[len(created)-1-i]; listed[i].ID != want.ID {
				t.Errorf("product %d is %s, want %s", i, listed[i].SKU, want.SKU)
			}
		}
	})

	t.Run("a full last page has no token", func(t *testing.T) {
		t.Parallel()
		if page := s.mustList(t, "?pageSize=5"); len(page.Items) != 5 || page.NextPageToken != "" {
			t.Errorf("got %d items and token %q", len(page.Items), page.NextPageToken)
		}
	})

	t.Run("the category filters products", func(t *testing.T) {
		t.Parallel()
		if page := s.mustList(t, "?category=cups"); len(page.Items) != 1 || page.Items[0].ID != created[2].ID {
			t.Errorf("got %+v", page.Items)
		}
	})

	t.Run("an invalid token and a page size out of range are rejected", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"?pageToken=abc", "?pageToken=!", "?pageSize=0", "?pageSize=101"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products" + query}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
