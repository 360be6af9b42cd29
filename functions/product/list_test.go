package product_test

import (
	"fmt"
	"net/http"
	"testing"

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
	var made []product.Product
	for i := range 5 {
		body := tea(fmt.Sprintf("TEA-%d", i), 1)
		if i == 2 {
			body["category"] = "cups"
		}
		made = append(made, s.mustCreate(t, body))
	}

	t.Run("pages through all, newest first, none twice", func(t *testing.T) {
		t.Parallel()
		var seen []product.Product
		token := ""
		for pages := 0; ; pages++ {
			page := s.mustList(t, "?pageSize=2&pageToken="+token)
			seen = append(seen, page.Items...)
			if token = page.NextPageToken; token == "" {
				break
			}
			if pages > len(made) {
				t.Fatal("the pages do not end")
			}
		}
		if len(seen) != len(made) {
			t.Fatalf("saw %d products, want %d", len(seen), len(made))
		}
		for i := range seen {
			if want := made[len(made)-1-i]; seen[i].ID != want.ID {
				t.Errorf("product %d is %s, want %s", i, seen[i].SKU, want.SKU)
			}
		}
	})

	t.Run("a last page that is full has no token", func(t *testing.T) {
		t.Parallel()
		if page := s.mustList(t, "?pageSize=5"); len(page.Items) != 5 || page.NextPageToken != "" {
			t.Errorf("got %d items and token %q", len(page.Items), page.NextPageToken)
		}
	})

	t.Run("filters by category", func(t *testing.T) {
		t.Parallel()
		if page := s.mustList(t, "?category=cups"); len(page.Items) != 1 || page.Items[0].ID != made[2].ID {
			t.Errorf("got %+v", page.Items)
		}
	})

	t.Run("refuses a made-up token and a page size out of bounds", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"?pageToken=abc", "?pageToken=!", "?pageSize=0", "?pageSize=101"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products" + query}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
