package product

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/product/internal/search"
	"souk/shared/api"
	"souk/shared/money"
)

type searchInput struct {
	api.PageQuery
	Filters
	Sorting
	Status    Status `query:"status" enum:"active,archived" default:"active" doc:"Return only products with this status."`
	LowStock  bool   `query:"lowStock" doc:"Return only products whose stock is low: at most lowStockAt units are available."`
	SKU       string `query:"sku" maxLength:"64" doc:"Return the product with this SKU, of any status. It cannot be combined with other filters." example:"TEA-ASSAM-250"`
	SKUPrefix string `query:"skuPrefix" maxLength:"64" doc:"Return the products whose SKUs begin like this, of any status, by SKU. It cannot be combined with other filters." example:"TEA-"`
}

// Resolve implements huma.Resolver.
func (in *searchInput) Resolve(huma.Context) []error {
	errs := append(in.Filters.check(), in.Sorting.check(in.Filters)...)
	if location := in.skuLocation(); location != "" && in.hasOtherFilters() {
		errs = append(errs, api.FieldError{Location: location, Code: api.FieldValue, Message: "cannot be combined with other filters or an order: send it alone"})
	}
	return errs
}

// skuLocation returns the location of the parameter for SKUs, "" without one.
func (in *searchInput) skuLocation() string {
	switch {
	case in.SKUPrefix != "":
		return "query.skuPrefix"
	case in.SKU != "":
		return "query.sku"
	}
	return ""
}

func (in *searchInput) hasOtherFilters() bool {
	return in.SKU != "" && in.SKUPrefix != "" || in.Q != "" || in.Category != "" || in.MinPrice > 0 || in.MaxPrice < money.Max || in.InStock ||
		in.LowStock || in.OrderBy != "" || in.Status != Active
}

type searchOutput struct {
	Body api.Page[StaffProduct]
}

// search handles GET /v1/products/search. It is a function of its own, because GET /v1/products is
// stored by caches, which know of no callers.
//
// # Search products as staff
//
// Like GET /v1/products, and also archived products, products whose stock is low, and products by
// SKU, with what only staff may see. The response is not cached.
func (s *service) search(ctx context.Context, in *searchInput) (*searchOutput, error) {
	query := in.query()
	query.Order, query.Status, query.LowStock = in.order(in.Filters), string(in.Status), in.LowStock
	if location := in.skuLocation(); location != "" {
		query = search.Query{Text: location + "=" + in.SKU + in.SKUPrefix}
	}
	hash, err := query.Hash()
	if err != nil {
		return nil, err
	}
	after, err := positionAfter(in.PageQuery, hash)
	if err != nil {
		return nil, err
	}
	var page api.Page[Product]
	if in.skuLocation() == "" {
		page, err = readPage(ctx, s.DB, query, after, hash, in.PageQuery)
	} else {
		page, err = s.readSKUs(ctx, in, after, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("search products: %w", err)
	}
	return &searchOutput{Body: api.Page[StaffProduct]{Items: newStaffProducts(page.Items), NextPageToken: page.NextPageToken}}, nil
}

// readSKUs reads a page of the products with a SKU, or with SKUs that begin like one.
func (s *service) readSKUs(ctx context.Context, in *searchInput, after *search.Position, hash string) (page api.Page[Product], err error) {
	pattern := likePattern.Replace(in.SKU)
	if in.SKUPrefix != "" {
		pattern = likePattern.Replace(in.SKUPrefix) + "%"
	}
	begin := ""
	if after != nil {
		begin = after.Name
	}
	products, err := selectBySKU(ctx, s.DB, pattern, begin, in.Limit())
	if err != nil {
		return page, fmt.Errorf("read products by SKU: %w", err)
	}
	return api.NewPage(in.PageQuery, slices.Clip(products), func(p Product) any {
		return search.Position{Search: hash, ID: p.ID, Name: p.SKU}
	})
}

// likePattern escapes a text for LIKE.
var likePattern = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
