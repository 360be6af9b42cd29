package product_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestListCategories(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, category := range []string{"tea", "cups", "", "tea", "archived", "pots"} {
		body := fixtures.Product(fmt.Sprintf("C%d", i), 1)
		body["category"] = category
		if p := s.mustCreate(t, body); category == "archived" {
			s.archive(t, p.ID, p.ETag()).MustBe(t, http.StatusNoContent)
		}
	}
	for _, pageSize := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("the categories of active products are listed by name in pages of %d", pageSize), func(t *testing.T) {
			t.Parallel()
			var names []string
			token := ""
			for range 10 {
				var page api.Page[product.Category]
				s.Do(t, functiontest.Request{Method: http.MethodGet, Path: fmt.Sprintf("/v1/categories?pageSize=%d&pageToken=%s", pageSize, token)}).
					MustBe(t, http.StatusOK).Into(t, &page)
				for _, c := range page.Items {
					names = append(names, c.Name)
				}
				if token = page.NextPageToken; token == "" {
					break
				}
			}
			if !slices.Equal(names, []string{"cups", "pots", "tea"}) {
				t.Errorf("got %v", names)
			}
		})
	}
}
