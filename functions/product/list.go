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

type listInput struct {
	api.PageQuery
	Q        string `query:"q" maxLength:"200" doc:"Return only products that contain all of these words (only the first eight are used) in name, description, category or SKU. Case, accents and a plural s are ignored. Parts of words are not found." example:"assam tea"`
	Category string `query:"category" maxLength:"64" doc:"Return only products of this category." example:"tea"`
	MinPrice int64  `query:"minPrice" minimum:"0" maximum:"9007199254740991" default:"0" doc:"Return only products with at least this price, in minor units." example:"500"`
	MaxPrice int64  `query:"maxPrice" minimum:"0" maximum:"9007199254740991" default:"9007199254740991" doc:"Return only products with at most this price, in minor units." example:"2000"`
	InStock  bool   `query:"inStock" doc:"Return only products that can be ordered now."`
	OrderBy  string `query:"orderBy" enum:"newest,price,-price,name,relevance" doc:"The sort order. The default is relevance with q and newest without q. relevance requires q: products that have all words in their name come first, then the others, each newest first." example:"price"`
}

// Resolve implements huma.Resolver. It checks parameters that depend on each other.
func (in *listInput) Resolve(huma.Context) []error {
	var errs []error
	if in.MinPrice > in.MaxPrice {
		errs = append(errs, api.FieldError{Location: "query.minPrice", Code: api.FieldRange, Message: "must not be greater than maxPrice"})
	}
	if strings.TrimSpace(in.Q) == "" && search.Order(in.OrderBy) == search.Relevance {
		errs = append(errs, api.FieldError{Location: "query.orderBy", Code: api.FieldValue, Message: "relevance requires q: send search words, or another order"})
	}
	return errs
}

type listOutput struct {
	Body api.Page[Product]
}

// list handles GET /v1/products.
//
// # List products
//
// The products on sale. A search finds complete words: tea does not find teapot.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	query := in.search()
	hash, err := query.Hash()
	if err != nil {
		return nil, err
	}
	after, err := in.after(hash)
	if err != nil {
		return nil, err
	}
	var hits []search.Hit[Product]
	err = s.ReplicaReader.Do(ctx, func(q database.Queryer) (err error) {
		hits, err = searchTable.Select(ctx, q, query, after, in.Limit())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, hits, func(hit search.Hit[Product]) any { return searchTable.Position(query, &hit, hash) })
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	products := make([]Product, len(page.Items))
	for i := range page.Items {
		products[i] = page.Items[i].Product
	}
	return &listOutput{Body: api.Page[Product]{Items: products, NextPageToken: page.NextPageToken}}, nil
}

// search returns the requested search.
func (in *listInput) search() search.Query {
	query := search.Query{
		Text: strings.TrimSpace(in.Q), Category: in.Category,
		MinPrice: in.MinPrice, MaxPrice: in.MaxPrice, InStock: in.InStock, Order: search.Order(in.OrderBy),
	}
	if query.Text == "" {
		query.Order = cmp.Or(query.Order, search.Newest)
		return query
	}
	query.Words = search.Words(query.Text)
	query.Order = cmp.Or(query.Order, search.Relevance)
	return query
}

// after returns the position at which the previous page ended, nil for the first page.
func (in *listInput) after(hash string) (*search.Position, error) {
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
