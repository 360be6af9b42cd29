package product

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/product/internal/search"
	"souk/shared/database"
)

// maxFacetCategories is the number of categories that are counted at most.
const maxFacetCategories = 100

// Facets are the numbers of products of a list, by category and by price.
type Facets struct {
	FacetCount
	Categories     []CategoryFacet `json:"categories" nullable:"false" doc:"The categories of these products, the largest first. At most 100 are counted."`
	MoreCategories bool            `json:"moreCategories" doc:"Whether there are further categories."`
	Prices         []PriceFacet    `json:"prices" nullable:"false" doc:"The price ranges of these products, the lowest first."`
}

// FacetCount is a number of products.
type FacetCount struct {
	Count int  `json:"count" doc:"The number of products: exact up to 1,000, and at least this many if more is true." example:"42"`
	More  bool `json:"more" doc:"Whether there are more products than count. It is also true for all counts of words that more than 2,500 products have, of which the newest 1,000 are counted."`
}

// CategoryFacet is the number of products of a category.
type CategoryFacet struct {
	Category string `json:"category" example:"tea"`
	FacetCount
}

// PriceFacet is the number of products of a price range.
type PriceFacet struct {
	MinPrice int64 `json:"minPrice" doc:"The lowest price of the range, in minor units: a value for the parameter minPrice." example:"1000"`
	MaxPrice int64 `json:"maxPrice" doc:"The highest price of the range." example:"1999"`
	FacetCount
}

type facetsInput struct{ Filters }

// Resolve implements huma.Resolver.
func (in *facetsInput) Resolve(huma.Context) []error { return in.check() }

type facetsOutput struct{ Body Facets }

// facets handles GET /v1/products/facets. It is a function of its own: counts cost more than a page
// and are cached for longer.
//
// # Count products by filter
//
// The numbers of the products that GET /v1/products lists for the same filters, by category and by
// price range. Counts are exact up to 1,000. Those of a search without words may be 10 seconds old.
func (s *service) facets(ctx context.Context, in *facetsInput) (*facetsOutput, error) {
	query := in.query()
	hash, err := query.Hash()
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context) (Facets, error) {
		return s.counts.Get(ctx, hash, func(ctx context.Context) (facets Facets, err error) {
			err = s.ReplicaReader.Do(ctx, func(q database.Queryer) (err error) {
				facets, err = readFacets(ctx, q, query)
				return err
			})
			return facets, err
		})
	}
	var facets Facets
	if query.Text == "" {
		facets, err = s.recent.get(ctx, s.Now, hash, read)
	} else {
		facets, err = read(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("count products: %w", err)
	}
	return &facetsOutput{Body: facets}, nil
}

// readFacets counts the products of a search.
func readFacets(ctx context.Context, q database.Queryer, query search.Query) (facets Facets, err error) {
	var categories []string
	if query.Text == "" {
		if categories, err = readCategories(ctx, q, query.Category); err != nil {
			return facets, err
		}
	}
	counts, err := search.CountProducts(ctx, q, query, categories)
	if err != nil {
		return facets, err
	}
	facets = Facets{FacetCount: newFacetCount(counts.All), Categories: []CategoryFacet{}, Prices: []PriceFacet{}}
	for name, count := range counts.Categories {
		if count.N > 0 {
			facets.Categories = append(facets.Categories, CategoryFacet{name, newFacetCount(count)})
		}
	}
	slices.SortFunc(facets.Categories, func(a, b CategoryFacet) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Category, b.Category))
	})
	facets.MoreCategories = len(categories) > maxFacetCategories || len(facets.Categories) > maxFacetCategories
	facets.Categories = facets.Categories[:min(len(facets.Categories), maxFacetCategories)]
	for _, r := range search.PriceRanges {
		if count := counts.Prices[r]; count.N > 0 {
			facets.Prices = append(facets.Prices, PriceFacet{r.Min, r.Max, newFacetCount(count)})
		}
	}
	return facets, nil
}

// readCategories returns the categories to count: the given one, or the first ones, one more than
// are reported.
func readCategories(ctx context.Context, q database.Queryer, only string) (names []string, err error) {
	if only != "" {
		return []string{only}, nil
	}
	categories, err := selectCategories(ctx, q, "", maxFacetCategories+1)
	for _, c := range categories {
		names = append(names, c.Name)
	}
	return names, err
}

func newFacetCount(c search.Count) FacetCount { return FacetCount{Count: c.N, More: c.IsAtLeast} }
