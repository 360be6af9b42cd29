package product

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/product/internal/search"
	"souk/shared/api"
	"souk/shared/database"
)

// Filters are the parameters that select products.
type Filters struct {
	Q        string `query:"q" maxLength:"200" doc:"Return only products that contain all of these words (only the first eight are used) in name, description, category or SKU. The last word may be the beginning of a word of the name, the category or the SKU, so that a search can begin while the user types. Case, accents and a plural s are ignored." example:"assam tea"`
	Category string `query:"category" maxLength:"64" doc:"Return only products of this category." example:"tea"`
	MinPrice int64  `query:"minPrice" minimum:"0" maximum:"9007199254740991" default:"0" doc:"Return only products with at least this price, in minor units." example:"500"`
	MaxPrice int64  `query:"maxPrice" minimum:"0" maximum:"9007199254740991" default:"9007199254740991" doc:"Return only products with at most this price, in minor units." example:"2000"`
	InStock  bool   `query:"inStock" doc:"Return only products that can be ordered now."`
}

// Sorting is the parameter that orders products.
type Sorting struct {
	OrderBy string `query:"orderBy" enum:"newest,price,-price,name,relevance" doc:"The sort order. The default is relevance with q and newest without q. relevance requires q: products that have all words in their name come first, then the others; of both, first those that have the last word as a complete word; each newest first." example:"price"`
}

// check checks parameters that depend on each other.
func (in *Filters) check() (errs []error) {
	if in.MinPrice > in.MaxPrice {
		errs = append(errs, api.FieldError{Location: "query.minPrice", Code: api.FieldRange, Message: "must not be greater than maxPrice"})
	}
	return errs
}

func (in *Filters) text() string { return strings.TrimSpace(in.Q) }

// check checks the order of products that are selected by filters.
func (in *Sorting) check(filters Filters) (errs []error) {
	if filters.text() == "" && search.Order(in.OrderBy) == search.Relevance {
		errs = append(errs, api.FieldError{Location: "query.orderBy", Code: api.FieldValue, Message: "relevance requires q: send search words, or another order"})
	}
	return errs
}

// query returns the search for the products, without an order.
func (in *Filters) query() search.Query {
	query := search.Query{Text: in.text(), Category: in.Category, MinPrice: in.MinPrice, MaxPrice: in.MaxPrice, InStock: in.InStock}
	if query.Text != "" {
		query.Words, query.Prefix = search.Terms(query.Text)
	}
	return query
}

// order returns the order of products, or its default.
func (in *Sorting) order(filters Filters) search.Order {
	if filters.text() == "" {
		return cmp.Or(search.Order(in.OrderBy), search.Newest)
	}
	return cmp.Or(search.Order(in.OrderBy), search.Relevance)
}

type listInput struct {
	api.PageQuery
	Filters
	Sorting
}

// Resolve implements huma.Resolver.
func (in *listInput) Resolve(huma.Context) []error {
	return append(in.Filters.check(), in.Sorting.check(in.Filters)...)
}

type listOutput struct {
	Body api.Page[Product]
}

// list handles GET /v1/products.
//
// # List products
//
// The products on sale. A search finds complete words and, of the last word, the beginning: assa
// finds Assam.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	query := in.query()
	query.Order = in.order(in.Filters)
	hash, err := query.Hash()
	if err != nil {
		return nil, err
	}
	after, err := positionAfter(in.PageQuery, hash)
	if err != nil {
		return nil, err
	}
	key := listKey{query: hash, limit: in.Limit()}
	if after != nil {
		key.after = *after
	}
	page, err := s.lists.Get(ctx, key, func(ctx context.Context) (page api.Page[Product], err error) {
		err = s.ReplicaReader.Do(ctx, func(q database.Queryer) (err error) {
			page, err = readPage(ctx, q, query, after, hash, in.PageQuery)
			return err
		})
		if err != nil {
			return page, err
		}
		return page.Encode()
	})
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	return &listOutput{Body: page}, nil
}

// listKey identifies a page of a list.
type listKey struct {
	query string          // its hash
	after search.Position // the zero value is the beginning
	limit int
}

// readPage reads a page of a search.
func readPage(ctx context.Context, q database.Queryer, query search.Query, after *search.Position, hash string, in api.PageQuery) (page api.Page[Product], err error) {
	hits, err := searchTable.Select(ctx, q, query, after, in.Limit())
	if err != nil {
		return page, err
	}
	found, err := api.NewPage(in, hits, func(hit search.Hit[Product]) any { return searchTable.Position(query, &hit, hash) })
	if err != nil {
		return page, err
	}
	products := make([]Product, len(found.Items))
	for i := range found.Items {
		products[i] = found.Items[i].Product
	}
	return api.Page[Product]{Items: products, NextPageToken: found.NextPageToken}, nil
}

// positionAfter returns the position at which the previous page of a query with a hash ended, nil
// for the first page.
func positionAfter(in api.PageQuery, hash string) (*search.Position, error) {
	if in.PageToken == "" {
		return nil, nil //nolint:nilnil // no position is the beginning
	}
	var after search.Position
	if err := in.Cursor(&after); err != nil {
		return nil, err
	}
	if after.Search != hash {
		return nil, api.Invalid("query.pageToken", api.FieldValue, "belongs to another search: send the same filters and orderBy as for the previous page")
	}
	return &after, nil
}
