package order

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/functions/order/internal/search"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
	"souk/shared/money"
	"souk/shared/note"
)

type listInput struct {
	api.PageQuery
	Q           string        `query:"q" maxLength:"200" doc:"Return only orders with all of these terms, separated by blanks: an order number or its beginning (S- and at least three more characters), an e-mail address, or words (only the first eight are used) of the names of persons in the order and of the names and SKUs of its products. Case, accents and a plural s are ignored. An e-mail address finds the orders of guests with it and those of the account with it." example:"S-7KQ4-2MXW"`
	Status      []Status      `query:"status" maxItems:"8" doc:"Return only orders with one of these statuses, separated by commas." example:"[\"confirmed\",\"partially_shipped\"]"`
	CreatedFrom time.Time     `query:"createdFrom" doc:"Return only orders that were placed at this time or later." example:"2026-11-01T00:00:00Z"`
	CreatedTo   time.Time     `query:"createdTo" doc:"Return only orders that were placed before this time." example:"2026-12-01T00:00:00Z"`
	UpdatedFrom time.Time     `query:"updatedFrom" doc:"Return only orders that were changed last at this time or later." example:"2026-11-01T00:00:00Z"`
	UpdatedTo   time.Time     `query:"updatedTo" doc:"Return only orders that were changed last before this time." example:"2026-12-01T00:00:00Z"`
	MinTotal    int64         `query:"minTotal" minimum:"0" maximum:"9007199254740991" default:"0" doc:"Return only orders with at least this total, in minor units of currency." example:"500"`
	MaxTotal    int64         `query:"maxTotal" minimum:"0" maximum:"9007199254740991" default:"9007199254740991" doc:"Return only orders with at most this total, in minor units of currency." example:"100000"`
	Currency    string        `query:"currency" pattern:"^[A-Z]{3}$" patternDescription:"a currency code of three capital letters" doc:"Return only orders in this currency. It is required with minTotal, maxTotal, and an order by total." example:"EUR"`
	Customer    uuid.NullUUID `query:"customer" format:"uuid" doc:"Return only orders of this account. Only staff can list another account's orders; the response then has orderCount."`
	Product     uuid.NullUUID `query:"product" format:"uuid" doc:"Return only orders with this product."`
	Tag         string        `query:"tag" format:"label" maxLength:"40" doc:"Return only orders with this tag, whatever its case. Only staff can send it." example:"gift"`
	OrderBy     string        `query:"orderBy" enum:"-createdAt,createdAt,-total,total,-updatedAt,updatedAt" default:"-createdAt" doc:"The sort order. A minus is descending." example:"-createdAt"`
	UserID      uuid.NullUUID `query:"userId" format:"uuid" deprecated:"true" doc:"The older name of customer."`
}

// Resolve implements huma.Resolver. It checks parameters that depend on each other.
func (in *listInput) Resolve(huma.Context) []error {
	var errs []error
	refuse := func(parameter string, code, message string) {
		errs = append(errs, api.FieldError{Location: "query." + parameter, Code: code, Message: message})
	}
	if in.MinTotal > in.MaxTotal {
		refuse("minTotal", api.FieldRange, "must not be greater than maxTotal")
	}
	if isBefore(in.CreatedTo, in.CreatedFrom) {
		refuse("createdFrom", api.FieldRange, "must not be later than createdTo")
	}
	if isBefore(in.UpdatedTo, in.UpdatedFrom) {
		refuse("updatedFrom", api.FieldRange, "must not be later than updatedTo")
	}
	byTotal := in.OrderBy == string(search.TotalAscending) || in.OrderBy == string(search.TotalDescending)
	if in.Currency == "" && (in.MinTotal > 0 || in.MaxTotal < money.Max || byTotal) {
		refuse("currency", api.FieldRequired, "is required with minTotal, maxTotal and an order by total: totals of different currencies cannot be compared")
	}
	if in.Customer.Valid && in.UserID.Valid && in.Customer != in.UserID {
		refuse("userId", api.FieldValue, "is the older name of customer, with another id: send customer only")
	}
	return errs
}

// isBefore reports whether both times are set and to is before from.
func isBefore(to, from time.Time) bool { return !to.IsZero() && !from.IsZero() && to.Before(from) }

type listOutput struct {
	Body orderPage
}

// orderPage is a page of orders.
type orderPage struct {
	api.Page[Order]
	// OrderCount is that of the customer that staff has asked for.
	OrderCount *orderCount `json:"orderCount,omitempty" doc:"The number of all orders of the customer, whatever the other filters. It is present if staff has sent customer."`
}

// orderCount is the number of a customer's orders.
type orderCount struct {
	Count int64 `json:"count" doc:"Exact up to 1,000." example:"3"`
	More  bool  `json:"more" doc:"Whether there are more than count."`
}

// list handles GET /v1/orders.
//
// # List orders
//
// Newest first, unless orderBy says otherwise. Customers get their own orders, staff those of all
// customers. A page may have fewer orders than pageSize, even none, and a nextPageToken: a search for
// rare orders among many continues with the next page.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	query := in.query()
	caller, _ := auth.PrincipalFrom(ctx)
	isStaff := caller.Can(manifest.OrdersRead)
	if !isStaff {
		if query.Customer.Valid && query.Customer.UUID != caller.UserID {
			name := "query.customer"
			if in.UserID.Valid {
				name = "query.userId"
			}
			return nil, api.Invalid(name, api.FieldValue, "is another account's id: omit it to list your own orders, or use the access token of staff")
		}
		if query.Tag != "" {
			return nil, api.Invalid("query.tag", api.FieldValue, "is for staff: omit it, or use the access token of staff")
		}
		query.Customer = uuid.NullUUID{UUID: caller.UserID, Valid: true}
		query.Nothing = query.Nothing || caller.UserID == uuid.Nil // not the orders of deleted accounts
	}
	page, err := s.readList(ctx, &query, in.PageQuery)
	if err != nil {
		return nil, err
	}
	out := &listOutput{Body: orderPage{Page: page}}
	if !isStaff {
		return out, nil
	}
	for i := range page.Items {
		page.Items[i].showTags(ctx)
	}
	if query.Customer.Valid {
		out.Body.OrderCount, err = countOrders(ctx, s.DB, query.Customer.UUID)
	}
	return out, err
}

// query returns the requested search.
func (in *listInput) query() search.Query {
	customer := in.Customer
	if !customer.Valid {
		customer = in.UserID
	}
	query := search.Query{
		Terms: search.Parse(in.Q), Customer: customer, Product: in.Product,
		Created: search.Between(in.CreatedFrom, in.CreatedTo), Updated: search.Between(in.UpdatedFrom, in.UpdatedTo),
		MinTotal: in.MinTotal, MaxTotal: in.MaxTotal, Currency: in.Currency, Tag: note.FoldTag(in.Tag), Order: search.Order(cmp.Or(in.OrderBy, string(search.Newest))),
	}
	for _, status := range in.Status {
		query.Statuses = append(query.Statuses, string(status))
	}
	slices.Sort(query.Statuses)
	query.Statuses = slices.Compact(query.Statuses)
	return query
}

// orderTable describes how a search reads orders.
var orderTable = search.Table[Order]{
	Columns: orderColumns, Scan: scanOrder,
	Key: func(o *Order) search.Key {
		return search.Key{ID: o.ID, Total: o.Total.Amount, UpdatedAt: o.UpdatedAt}
	},
}

// readList reads a page of a search.
func (s *service) readList(ctx context.Context, query *search.Query, in api.PageQuery) (page api.Page[Order], err error) {
	hash, err := query.Hash()
	if err != nil {
		return page, err
	}
	var after *search.Position
	if in.PageToken != "" {
		after = &search.Position{}
		if err := in.Cursor(after); err != nil {
			return page, err
		}
		if after.Search != hash {
			return page, api.Invalid("query.pageToken", api.FieldValue, "belongs to another search: send the same filters and orderBy as for the previous page")
		}
	}
	orders, end, err := orderTable.Select(ctx, s.DB, query, after, in.Limit())
	if err != nil {
		return page, fmt.Errorf("list orders: %w", err)
	}
	page, err = api.NewPage(in, orders, func(o Order) any { return orderTable.Position(query, &o, hash) })
	if err == nil && end != nil {
		end.Search = hash
		page, err = page.ContinueAfter(end)
	}
	if err != nil {
		return page, fmt.Errorf("list orders: %w", err)
	}
	if err := loadDetails(ctx, s.DB, page.Items); err != nil {
		return page, fmt.Errorf("list orders: %w", err)
	}
	return page, nil
}

// maxOrderCount bounds how many orders are counted.
const maxOrderCount = 1_000

// countOrders counts the orders of an account.
func countOrders(ctx context.Context, q database.Queryer, userID uuid.UUID) (*orderCount, error) {
	count, err := database.Get(ctx, q, database.ScanColumn[int64], `
		SELECT COUNT(*)
		FROM (SELECT id FROM orders FORCE INDEX (orders_by_user) WHERE user_id = ? LIMIT ?) o`, userID[:], maxOrderCount+1)
	if err != nil {
		return nil, fmt.Errorf("count orders of customer %s: %w", userID, err)
	}
	return &orderCount{Count: min(count, maxOrderCount), More: count > maxOrderCount}, nil
}
