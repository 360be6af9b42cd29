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

// selectRoute finds the route that reads the fewest products: along the rarest of
// the words, the filters and what is in stock, or, if an order is asked for that none
// of these lists has and all of them are too long to be sorted, along the index of
// that order.
func selectRoute(ctx context.Context, q database.Queryer, f search) (route, error) {
	sorts := f.Order != Newest && f.Order != Relevance
	switch {
	case len(f.Words) == 0 && !f.InStock:
		return route{index: f.orderIndex()}, nil
	case len(f.Words) == 0 && !sorts && !f.isPriced():
		return route{index: f.stockIndex()}, nil // the index has the order
	case len(f.Words) == 1 && f.filterIndex() == "" && !f.InStock && !sorts:
		return route{words: f.Words, byWord: true}, nil
	}
	c, err := f.count(ctx, q)
	if err != nil {
		return route{}, err
	}
	words := slices.SortedStableFunc(slices.Values(f.Words), func(a, b string) int { return c.words[a] - c.words[b] })
	if index := f.narrowIndex(c, words); index != "" {
		return route{words: words, index: index}, nil
	}
	if len(words) == 0 || sorts && c.words[words[0]] == enough {
		return route{words: words, index: f.orderIndex()}, nil
	}
	return route{words: words, byWord: true}, nil
}

// narrowIndex returns the index of the filters, or of what is in stock, that has
// fewer products than the rarest word; "" if there is none.
func (f search) narrowIndex(c counts, words []string) string {
	rarer := func(count int) bool {
		return len(words) == 0 || count < c.words[words[0]] || c.words[words[0]] == enough
	}
	filter := len(words) > 0 && f.filterIndex() != "" && c.filter < f.enoughLeft() && rarer(c.filter)
	stock := f.InStock && c.stock < enough && rarer(c.stock)
	switch {
	case stock && (!filter || c.stock <= c.filter):
		return f.stockIndex()
	case filter:
		return f.filterIndex()
	}
	return ""
}

// counts is how many products each part of a search has, as far as they are counted.
type counts struct {
	words  map[string]int
	filter int // that the price and the category leave
	stock  int // in stock, of the category if there is one
}

func (f search) count(ctx context.Context, q database.Queryer) (counts, error) {
	s := &sqlText{}
	numbers := make([]int, len(f.Words), len(f.Words)+2)
	for _, word := range f.Words {
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product_word WHERE word = ? AND in_name = 0 LIMIT ?) counted)`, word, enough)
	}
	along := func(index string, filters search, limit int) {
		numbers = append(numbers, 0)
		if index == "" || len(f.Words) == 0 && !filters.InStock { // without words the filter is no choice
			s.add(`, 0`)
			return
		}
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product FORCE INDEX (`+index+`) WHERE status = ?`, Active)
		filters.addFilters(s)
		s.add(` LIMIT ?) counted)`, limit)
	}
	along(f.filterIndex(), search{Category: f.Category, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice}, f.enoughLeft())
	along(f.stockIndex(), search{Category: f.Category, MaxPrice: money.Max, InStock: true}, enough)
	into := make([]any, len(numbers))
	for i := range numbers {
		into[i] = &numbers[i]
	}
	query := `SELECT ` + strings.TrimPrefix(s.text.String(), `, `)
	if err := q.QueryRowContext(ctx, query, s.args...).Scan(into...); err != nil {
		return counts{}, err
	}
	c := counts{words: map[string]int{}, filter: numbers[len(f.Words)], stock: numbers[len(f.Words)+1]}
	for i, word := range f.Words {
		c.words[word] = numbers[i]
	}
	return c, nil
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
	priced := f.isPriced()
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

func (f search) isPriced() bool { return f.MinPrice > 0 || f.MaxPrice < money.Max }

// stockIndex is the index of what is in stock, newest last; "" if that is no filter.
func (f search) stockIndex() string {
	switch {
	case f.InStock && f.Category != "":
		return `product_in_stock_category`
	case f.InStock:
		return `product_in_stock`
	}
	return ""
}

// orderIndex is the index that has the order; "" where a filter may narrow the
// search better. The servers would rather read all that follows a late page and
// sort it.
func (f search) orderIndex() string {
	if f.isPriced() && f.Order != Cheapest && f.Order != Dearest && len(f.Words) == 0 {
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
