package search

import (
	"context"
	"slices"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// The maximum number of products that are counted for a word or a filter. Counting more
// costs more than it saves, because reading a long list soon finds frequent products.
// Products of a category have a higher limit, because they need not be sorted.
const (
	maxCount         = 300
	maxCategoryCount = 1_000
)

// accessPath is the way in which a search reads the tables.
type accessPath struct {
	words  []string // the rarest first
	byWord bool     // read the products of the first word, newest first, instead of index
	index  string   // an index of product; "" leaves the choice to the server
}

func (path accessPath) force() string {
	if path.index == "" {
		return ""
	}
	return `FORCE INDEX (` + path.index + `)`
}

// chooseAccessPath returns the access path that reads the fewest products: by the
// rarest word, by the filters, or by stock. If none of these has the requested order and
// all of them are too long to be sorted, it returns the index of that order.
func chooseAccessPath(ctx context.Context, q database.Queryer, f Query) (accessPath, error) {
	sorts := f.Order != Newest && f.Order != Relevance
	switch {
	case len(f.Words) == 0 && !f.InStock:
		return accessPath{index: f.orderIndex()}, nil
	case len(f.Words) == 0 && !sorts && !f.isPriced():
		return accessPath{index: f.stockIndex()}, nil // the index has the order
	case len(f.Words) == 1 && f.filterIndex() == "" && !f.InStock && !sorts:
		return accessPath{words: f.Words, byWord: true}, nil
	}
	c, err := f.count(ctx, q)
	if err != nil {
		return accessPath{}, err
	}
	words := slices.SortedStableFunc(slices.Values(f.Words), func(a, b string) int { return c.words[a] - c.words[b] })
	if index := f.narrowIndex(c, words); index != "" {
		return accessPath{words: words, index: index}, nil
	}
	if len(words) == 0 || sorts && c.words[words[0]] == maxCount {
		return accessPath{words: words, index: f.orderIndex()}, nil
	}
	return accessPath{words: words, byWord: true}, nil
}

// narrowIndex returns the index of the filters or of stock, if one of them has fewer
// products than the rarest word, or "".
func (f Query) narrowIndex(c counts, words []string) string {
	rarer := func(count int) bool {
		return len(words) == 0 || count < c.words[words[0]] || c.words[words[0]] == maxCount
	}
	byFilter := len(words) > 0 && f.filterIndex() != "" && c.filter < f.maxFilterCount() && rarer(c.filter)
	byStock := f.InStock && c.stock < maxCount && rarer(c.stock)
	switch {
	case byStock && (!byFilter || c.stock <= c.filter):
		return f.stockIndex()
	case byFilter:
		return f.filterIndex()
	}
	return ""
}

// counts are the numbers of products for the parts of a search, up to their limits.
type counts struct {
	words  map[string]int
	filter int // products within the price range and the category
	stock  int // products in stock, within the category
}

// count counts the products for the parts of the search in one statement.
func (f Query) count(ctx context.Context, q database.Queryer) (counts, error) {
	s := &queryBuilder{}
	numbers := make([]int, len(f.Words), len(f.Words)+2)
	for _, word := range f.Words {
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product_word WHERE word = ? AND in_name = 0 LIMIT ?) counted)`, word, maxCount)
	}
	addCount := func(index string, filters Query, limit int) {
		numbers = append(numbers, 0)
		if index == "" || len(f.Words) == 0 && !filters.InStock { // without words the filter's index is never chosen
			s.add(`, 0`)
			return
		}
		s.add(`, (SELECT COUNT(*) FROM (SELECT 1 FROM product FORCE INDEX (`+index+`) WHERE status = ?`, OnSale)
		filters.addFilters(s)
		s.add(` LIMIT ?) counted)`, limit)
	}
	addCount(f.filterIndex(), Query{Category: f.Category, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice}, f.maxFilterCount())
	addCount(f.stockIndex(), Query{Category: f.Category, MaxPrice: money.Max, InStock: true}, maxCount)
	dest := make([]any, len(numbers))
	for i := range numbers {
		dest[i] = &numbers[i]
	}
	query := `SELECT ` + strings.TrimPrefix(s.text.String(), `, `)
	if err := q.QueryRowContext(ctx, query, s.args...).Scan(dest...); err != nil {
		return counts{}, err
	}
	c := counts{words: map[string]int{}, filter: numbers[len(f.Words)], stock: numbers[len(f.Words)+1]}
	for i, word := range f.Words {
		c.words[word] = numbers[i]
	}
	return c, nil
}

// maxFilterCount returns the maximum number of products that are counted for the filters.
func (f Query) maxFilterCount() int {
	if f.Category != "" {
		return maxCategoryCount
	}
	return maxCount
}

// filterIndex returns the index of the price and category filters, or "" without them.
func (f Query) filterIndex() string {
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

// isPriced reports whether the search has a price filter.
func (f Query) isPriced() bool { return f.MinPrice > 0 || f.MaxPrice < money.Max }

// stockIndex returns the index of the products in stock, by id, or "" if the search
// includes products that are not in stock.
func (f Query) stockIndex() string {
	switch {
	case f.InStock && f.Category != "":
		return `product_in_stock_category`
	case f.InStock:
		return `product_in_stock`
	}
	return ""
}

// orderIndex returns the index that has the search's order, or "" if a price filter may
// narrow the search better. The servers would not choose it for a late page: they read
// and sort all products after it.
func (f Query) orderIndex() string {
	if f.isPriced() && f.Order != PriceAscending && f.Order != PriceDescending && len(f.Words) == 0 {
		return ""
	}
	names := map[Order][2]string{
		Newest:          {"product_by_status", "product_by_category"},
		PriceAscending:  {"product_by_price", "product_by_category_price"},
		PriceDescending: {"product_by_price", "product_by_category_price"},
		ByName:          {"product_by_name", "product_by_category_name"},
	}[f.Order]
	if f.Category != "" {
		return names[1]
	}
	return names[0]
}
