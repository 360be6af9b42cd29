package product

import (
	"context"
	"slices"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// Up to how many products of a word, or of a filter, are counted. To count more costs
// more than it saves: who goes along a long list soon meets what is frequent. The
// products of a category are counted further, for they need not be sorted.
const (
	enough           = 300
	enoughOfCategory = 1_000
)

// route is how a search goes through the tables.
type route struct {
	words  []string // the rarest first
	byWord bool     // along the first word's products, newest first; else along
	index  string   // an index of product; "" leaves it to the server
}

func (r route) force() string {
	if r.index == "" {
		return ""
	}
	return `FORCE INDEX (` + r.index + `)`
}

// selectRoute finds the route that looks at the fewest products: along the rarest of
// the words and the filters, or, if an order is asked for that no word's list has and
// all of them are too long to be sorted, along the index of that order.
func selectRoute(ctx context.Context, q database.Queryer, f search) (route, error) {
	if len(f.Words) == 0 {
		return route{index: f.orderIndex()}, nil
	}
	sorts := f.Order != Newest && f.Order != Relevance
	filter := f.filterIndex()
	if len(f.Words) == 1 && filter == "" && !sorts {
		return route{words: f.Words, byWord: true}, nil
	}
	counts, err := f.count(ctx, q, filter)
	if err != nil {
		return route{}, err
	}
	words := slices.SortedStableFunc(slices.Values(f.Words), func(a, b string) int { return counts[a] - counts[b] })
	rarest := counts[words[0]]
	switch {
	case filter != "" && counts[""] < f.enoughLeft() && (counts[""] < rarest || rarest == enough):
		return route{words: words, index: filter}, nil
	case sorts && rarest == enough:
		return route{words: words, index: f.orderIndex()}, nil
	default:
		return route{words: words, byWord: true}, nil
	}
}

// count returns how many products have each word, and, by "", how many the filter
// leaves: no more than enough.
func (f search) count(ctx context.Context, q database.Queryer, filter string) (map[string]int, error) {
	s := &sqlText{}
	of := slices.Clone(f.Words)
	for _, word := range f.Words {
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product_word WHERE word = ? AND in_name = 0 LIMIT ?) counted)`, word, enough)
	}
	if filter != "" {
		of = append(of, "")
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product FORCE INDEX (`+filter+`) WHERE status = ?`, Active)
		search{Category: f.Category, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice}.addFilters(s)
		s.add(` LIMIT ?) counted)`, f.enoughLeft())
	}
	numbers, into := make([]int, len(of)), make([]any, len(of))
	for i := range numbers {
		into[i] = &numbers[i]
	}
	query := `SELECT ` + strings.TrimPrefix(s.text.String(), `, `)
	if err := q.QueryRowContext(ctx, query, s.args...).Scan(into...); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for i, number := range numbers {
		counts[of[i]] = number
	}
	return counts, nil
}

// enoughLeft is up to how many products that the filters leave are counted.
func (f search) enoughLeft() int {
	if f.Category != "" {
		return enoughOfCategory
	}
	return enough
}

// filterIndex is the index of what the filters leave; "" if they have none.
func (f search) filterIndex() string {
	priced := f.MinPrice > 0 || f.MaxPrice < money.Max
	switch {
	case priced && f.Category != "":
		return `product_by_category_price`
	case priced:
		return `product_by_price`
	case f.Category != "":
		return `product_by_category`
	}
	return ""
}

// orderIndex is the index that has the order; "" where a filter may narrow the
// search better. The servers would rather read all that follows a late page and
// sort it.
func (f search) orderIndex() string {
	priced := f.MinPrice > 0 || f.MaxPrice < money.Max
	if priced && f.Order != Cheapest && f.Order != Dearest && len(f.Words) == 0 {
		return ""
	}
	names := map[Order][2]string{
		Newest:   {"product_by_status", "product_by_category"},
		Cheapest: {"product_by_price", "product_by_category_price"},
		Dearest:  {"product_by_price", "product_by_category_price"},
		Named:    {"product_by_name", "product_by_category_name"},
	}[f.Order]
	if f.Category != "" {
		return names[1]
	}
	return names[0]
}
