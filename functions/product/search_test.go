package product_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// skus lists the products of a query page by page, and returns their SKUs.
func (s shop) skus(t *testing.T, pageSize int, query url.Values) []string {
	t.Helper()
	skus := []string{}
	query.Set("pageSize", fmt.Sprint(pageSize))
	for range 50 {
		page := s.mustList(t, "?"+query.Encode())
		for _, p := range page.Items {
			skus = append(skus, p.SKU)
		}
		if page.NextPageToken == "" {
			return skus
		}
		query.Set("pageToken", page.NextPageToken)
	}
	t.Fatal("the pages do not end")
	return nil
}

func (s shop) mustCreateCatalog(t *testing.T) {
	t.Helper()
	for _, row := range []struct {
		sku, name, description, category string
		price, stock                     int
	}{
		{"A1", "Assam, 250 g", "Malty black leaves.", "tea", 1299, 5},
		{"A2", "assam, 500 g", "Malty. Twice the leaves.", "tea", 2299, 0},
		{"D1", "Darjeeling", "Flowery, from higher up than Assam.", "tea", 1599, 5},
		{"D2", "Darjeeling", "Second flush.", "tea", 1599, 5},
		{"P1", "Teapot", "For a litre.", "pots", 1599, 2},
		{"P2", "100%_cotton pot holder <warm>", "For c++ programmers.", "pots", 599, 7},
		{"Z1", "XL mug", "", "", 599, 1},
	} {
		body := fixtures.Product(row.sku, row.stock)
		body["name"], body["description"], body["category"] = row.name, row.description, row.category
		body["price"] = map[string]any{"amount": row.price, "currency": "EUR"}
		s.mustCreate(t, body)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustCreateCatalog(t)

	for name, c := range map[string]struct{ query, want string }{
		"newest is the default":             {"", "Z1 P2 P1 D2 D1 A2 A1"},
		"by price, the older first":         {"orderBy=price", "P2 Z1 A1 D1 D2 P1 A2"},
		"by price, descending":              {"orderBy=-price", "A2 P1 D2 D1 A1 Z1 P2"},
		"by name":                           {"orderBy=name", "P2 A1 A2 D1 D2 P1 Z1"},
		"price from":                        {"minPrice=1599&orderBy=price", "D1 D2 P1 A2"},
		"price to":                          {"maxPrice=599", "Z1 P2"},
		"in stock, of a category, by name":  {"inStock=true&category=tea&orderBy=name", "A1 D1 D2"},
		"a category in another case":        {"category=TEA&orderBy=-price", "A2 D2 D1 A1"},
		"all filters at once":               {"q=malty&category=tea&minPrice=1000&maxPrice=2000&inStock=true", "A1"},
		"words, those in the name first":    {"q=assam", "A2 A1 D1"},
		"each of the words":                 {"q=assam+flowery", "D1"},
		"the beginning of a word":           {"q=darj", "D2 D1"},
		"a word in the plural":              {"q=teapots", "P1"},
		"a word in the singular":            {"q=leaf+pot", ""},
		"the singular of a plural":          {"q=programmer&minPrice=500", "P2"},
		"accents and case":                  {"q=" + url.QueryEscape("LÏTRÉ"), "P1"},
		"a word of one letter":              {"q=c", "P2"},
		"a number":                          {"q=250", "A1"},
		"words in any order, by name":       {"q=leaves+malty&orderBy=name", "A1 A2"},
		"words in any order, by price":      {"q=leaves+malty&orderBy=-price", "A2 A1"},
		"words, newest first":               {"q=assam&orderBy=newest", "D1 A2 A1"},
		"words in name and description":     {"q=darjeeling+flush", "D2"},
		"a rare category, a frequent word":  {"q=for&category=tea", ""},
		"a rare price, a frequent word":     {"q=assam&minPrice=1500&maxPrice=1700", "D1"},
		"words of the category":             {"q=pots&orderBy=price", "P2 P1"},
		"operators are ignored":             {"q=" + url.QueryEscape(`-assam +("flowery" ~<>@*`), "D1"},
		"words of no product":               {"q=coffee", ""},
		"a word of two letters":             {"q=xl", "Z1"},
		"wildcards are ignored":             {"q=" + url.QueryEscape("%"), ""},
		"a stop word":                       {"q=the", "A2"},
		"the beginning of a word of a name": {"q=tea", "P1 D2 D1 A2 A1"},
		"the beginning of the last word":    {"q=malty+assa", "A2 A1"},
		"the beginning of another word":     {"q=assa+malty", ""},
		"not in the description":            {"q=malt", ""},
		"a plural that is not complete":     {"q=assam+leave", "A2 A1"},
		"the beginning, cheapest first":     {"q=te&orderBy=price", "A1 D1 D2 P1 A2"},
		"the beginning, by name":            {"q=te&orderBy=name&inStock=true", "A1 D1 D2 P1"},
		"the beginning of a SKU":            {"q=p", "P2 P1"},
		"only punctuation":                  {"q=" + url.QueryEscape(`"+-*`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, pageSize := range []int{1, 2, 100} {
				query, err := url.ParseQuery(c.query)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(s.skus(t, pageSize, query), " "); got != c.want {
					t.Errorf("in pages of %d: %q, want %q", pageSize, got, c.want)
				}
			}
		})
	}

	t.Run("the page token of another search is rejected", func(t *testing.T) {
		t.Parallel()
		token := url.QueryEscape(s.mustList(t, "?pageSize=1&orderBy=price").NextPageToken)
		for _, query := range []string{"", "orderBy=-price", "orderBy=price&category=tea", "orderBy=price&inStock=true", "orderBy=price&q=assam"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products?pageToken=" + token + "&" + query}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.mustList(t, "?pageSize=5&orderBy=price&pageToken="+token)
	})

	t.Run("invalid parameters are rejected", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"orderBy=relevance", "orderBy=stock", "minPrice=2&maxPrice=1", "minPrice=-1", "q=" + strings.Repeat("x", 201)} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products?" + query}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}

func TestSearchByLongestName(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := []string{}
	for i := range 3 {
		body := fixtures.Product(fmt.Sprintf("L%d", i), 1)
		body["name"] = strings.Repeat("<", 199) + fmt.Sprint(i)
		want = append(want, s.mustCreate(t, body).SKU)
	}
	if diff := cmp.Diff(want, s.skus(t, 1, url.Values{"orderBy": {"name"}})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func (s shop) mustSearch(t *testing.T, query string) (page api.Page[product.StaffProduct]) {
	t.Helper()
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/search?" + query, Token: s.admin}).MustBe(t, http.StatusOK).Into(t, &page)
	return page
}

// mustFindBySKU returns a product as staff sees it.
func (s shop) mustFindBySKU(t *testing.T, sku string) json.RawMessage {
	t.Helper()
	var page struct{ Items []json.RawMessage }
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/search?sku=" + sku, Token: s.admin}).MustBe(t, http.StatusOK).Into(t, &page)
	if len(page.Items) != 1 {
		t.Fatalf("%d products have the SKU %s", len(page.Items), sku)
	}
	return page.Items[0]
}

// searchedSKUs returns the SKUs of a search by staff, page by page.
func (s shop) searchedSKUs(t *testing.T, query, pageSize string) string {
	t.Helper()
	var skus []string
	token := ""
	for range 50 {
		page := s.mustSearch(t, query+"&pageSize="+pageSize+"&pageToken="+token)
		for _, p := range page.Items {
			skus = append(skus, p.SKU)
		}
		if token = page.NextPageToken; token == "" {
			return strings.Join(skus, " ")
		}
	}
	t.Fatal("the pages do not end")
	return ""
}

func TestStaffSearch(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustCreateCatalog(t)
	for sku, threshold := range map[string]int{"A1": 5, "D1": 4, "D2": 9, "P2": 7} {
		s.patch(t, s.mustFind(t, sku).ID, "*", map[string]any{"lowStockAt": threshold}).MustBe(t, http.StatusOK)
	}
	for _, sku := range []string{"D2", "Z1"} {
		s.archive(t, s.mustFind(t, sku).ID, "*").MustBe(t, http.StatusNoContent)
	}
	for query, want := range map[string]string{
		"":                                 "P2 P1 D1 A2 A1",
		"status=archived":                  "Z1 D2",
		"status=archived&q=darj":           "D2",
		"status=archived&orderBy=name":     "D2 Z1",
		"status=archived&category=tea":     "D2",
		"q=darj":                           "D1",
		"sku=a1":                           "A1",
		"sku=D2":                           "D2",
		"sku=A":                            "",
		"skuPrefix=d":                      "D1 D2",
		"skuPrefix=%25":                    "",
		"skuPrefix=_":                      "",
		"lowStock=true":                    "P2 A1",
		"lowStock=true&q=assam":            "A1",
		"lowStock=true&category=pots":      "P2",
		"lowStock=true&orderBy=price":      "P2 A1",
		"lowStock=true&status=archived":    "D2",
		"lowStock=true&inStock=true":       "P2 A1",
		"lowStock=true&minPrice=1000":      "A1",
		"lowStock=true&category=tea&q=mal": "",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			for _, pageSize := range []string{"1", "2", "100"} {
				if got := s.searchedSKUs(t, query, pageSize); got != want {
					t.Errorf("in pages of %s: %q, want %q", pageSize, got, want)
				}
			}
		})
	}
	if p := s.mustSearch(t, "sku=D2").Items[0]; p.Status != product.Archived || p.LowStockAt == nil || *p.LowStockAt != 9 || !p.LowStock {
		t.Errorf("got %+v", p)
	}
	t.Run("only staff may search", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/search"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/search", Token: customer}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
