package product

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"souk/shared/api"
)

type listInput struct {
	api.PageQuery
	Q        string `query:"q" maxLength:"200" doc:"Only products with all of these words, the first eight, in name, description, category or SKU. Case, accents and the plural s make no difference; parts of words are not found." example:"assam tea"`
	Category string `query:"category" maxLength:"64" doc:"Only products of this category." example:"tea"`
	MinPrice int64  `query:"minPrice" minimum:"0" maximum:"9007199254740991" default:"0" doc:"Only products that cost at least this, in minor units." example:"500"`
	MaxPrice int64  `query:"maxPrice" minimum:"0" maximum:"9007199254740991" default:"9007199254740991" doc:"Only products that cost at most this, in minor units." example:"2000"`
	InStock  bool   `query:"inStock" doc:"Only products that can be ordered now."`
	OrderBy  string `query:"orderBy" enum:"newest,price,-price,name,relevance" doc:"relevance, which needs q, is the default with q, newest without. It shows products with all words in the name first, then the others, each newest first." example:"price"`
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
	f, err := in.search()
	if err != nil {
		return nil, err
	}
	hash, err := f.hash()
	if err != nil {
		return nil, err
	}
	after, err := in.after(hash)
	if err != nil {
		return nil, err
	}
	hits, err := selectFound(ctx, s.DB, f, after, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, hits, func(hit found) any { return f.positionOf(hit, hash) })
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	products := make([]Product, len(page.Items))
	for i := range page.Items {
		products[i] = page.Items[i].Product
	}
	return &listOutput{Body: api.Page[Product]{Items: products, NextPageToken: page.NextPageToken}}, nil
}

// search checks what is asked for, as a whole.
func (in *listInput) search() (search, error) {
	f := search{
		Text: strings.TrimSpace(in.Q), Category: in.Category,
		MinPrice: in.MinPrice, MaxPrice: in.MaxPrice, InStock: in.InStock, Order: Order(in.OrderBy),
	}
	if f.MinPrice > f.MaxPrice {
		return search{}, api.Invalid("query.minPrice", api.FieldRange, "must not be above maxPrice")
	}
	if f.Text == "" {
		if f.Order == Relevance {
			return search{}, api.Invalid("query.orderBy", api.FieldValue, "relevance is to words: send q too")
		}
		f.Order = cmp.Or(f.Order, Newest)
		return f, nil
	}
	f.Words = wordsOf(f.Text)
	f.Words = f.Words[:min(len(f.Words), maxWords)]
	f.Order = cmp.Or(f.Order, Relevance)
	return f, nil
}

// after returns where the page before ended, nil when this is the first one.
func (in *listInput) after(hash string) (*position, error) {
	if in.PageToken == "" {
		return nil, nil //nolint:nilnil // no position is the beginning
	}
	var at position
	if err := in.Cursor(&at); err != nil {
		return nil, err
	}
	if at.Search != hash {
		return nil, api.Invalid("query.pageToken", api.FieldValue, "a token of another search: send the filters and the order of the page before, unchanged")
	}
	return &at, nil
}
