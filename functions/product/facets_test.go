package product_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func (s shop) mustCountFacets(t *testing.T, query string) (facets product.Facets) {
	t.Helper()
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/facets?" + query}).MustBe(t, http.StatusOK).Into(t, &facets)
	return facets
}

// TestFacets compares the counts of many filters to the lists of the same filters.
func TestFacets(t *testing.T) {
	t.Parallel()
	s := open(t)
	random := rand.New(rand.NewPCG(7, 8))
	names := []string{"Assam", "Assam teapot", "Tea cup", "Cups"}
	for i := range 60 {
		body := fixtures.Product(fmt.Sprint("N", i), random.IntN(2))
		body["name"], body["category"] = names[random.IntN(len(names))], []string{"tea", "pots", ""}[random.IntN(3)]
		body["price"] = map[string]any{"amount": random.IntN(300), "currency": "EUR"}
		s.mustCreate(t, body)
	}
	for _, q := range []string{"", "tea", "assa", "cups", "assam te", "n", "nothing", "-"} {
		for _, filters := range []url.Values{{}, {"category": {"tea"}}, {"inStock": {"true"}}, {"minPrice": {"15"}, "maxPrice": {"150"}}, {"category": {"pots"}, "inStock": {"true"}, "minPrice": {"100"}}} {
			query := maps.Clone(filters)
			if q != "" {
				query.Set("q", q)
			}
			got := s.mustCountFacets(t, query.Encode())
			categories, prices := map[string]int{}, map[string]int{}
			for _, f := range got.Categories {
				categories[f.Category] = f.Count
			}
			for _, f := range got.Prices {
				prices[fmt.Sprint(f.MinPrice, "-", f.MaxPrice)] = f.Count
			}
			query.Set("pageSize", "100")
			wantCategories, wantPrices := map[string]int{}, map[string]int{}
			listed := s.mustList(t, "?"+query.Encode()).Items
			for _, p := range listed {
				if p.Category != "" {
					wantCategories[p.Category]++
				}
				wantPrices[priceRange(p.Price.Amount)]++
			}
			if got.Count != len(listed) || got.More || got.MoreCategories {
				t.Errorf("%s: %+v, want %d products", query.Encode(), got.FacetCount, len(listed))
			}
			if diff := cmp.Diff([]map[string]int{wantCategories, wantPrices}, []map[string]int{categories, prices}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query.Encode(), diff)
			}
		}
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/facets?minPrice=2&maxPrice=1"}).
		MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}

// TestAgeOfFacets counts products before and after a further one was created. Counts without words are
// stored in the instance, those with words are not.
func TestAgeOfFacets(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, want := range []map[string]int{{"": 1, "q=assam": 1, "q=none": 0}, {"": 1, "q=assam": 2, "inStock=true": 2}} {
		s.mustCreate(t, fixtures.Product(fmt.Sprint("ASSAM-", i), 1))
		for query, count := range want {
			if got := s.mustCountFacets(t, query).Count; got != count {
				t.Errorf("%d products: %q counts %d, want %d", i+1, query, got, count)
			}
		}
	}
}

// priceRange returns the range of a price.
func priceRange(price int64) string {
	begins := []int64{0, 1, 2, 5, 10, 20, 50, 100, 200, 500}
	for i := range begins {
		if price < begins[i+1] {
			return fmt.Sprint(begins[i], "-", begins[i+1]-1)
		}
	}
	return ""
}
