package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

const (
	// MaxCount is the largest count. A count is exact up to it.
	MaxCount = 1_000
	// maxCounted is the number of entries of a word that are counted. Each costs a lookup of its
	// product, a few microseconds. Of a word with more, the newest countedOfMore are counted.
	maxCounted    = 2_500
	countedOfMore = MaxCount
	// countsPerStatement is the number of counts that a statement has at most.
	countsPerStatement = 16
)

// Count is a number of products: N, or at least N.
type Count struct {
	N         int
	IsAtLeast bool
}

func newCount(n int, isPartial bool) Count {
	return Count{N: min(n, MaxCount), IsAtLeast: isPartial || n > MaxCount}
}

// PriceRange is a range of prices, both ends included.
type PriceRange struct{ Min, Max int64 }

// PriceRanges are the ranges by which products are counted: from 0, 1, 2, 5, 10, 20, 50 and so on.
var PriceRanges = func() (ranges []PriceRange) {
	begin := int64(0)
	for power := int64(1); begin < money.Max; power *= 10 {
		for _, next := range []int64{power, 2 * power, 5 * power} {
			if begin < money.Max {
				ranges = append(ranges, PriceRange{begin, min(next-1, money.Max)})
			}
			begin = next
		}
	}
	return ranges
}()

// Counts are the numbers of products of a search.
type Counts struct {
	All        Count
	Categories map[string]Count
	Prices     map[PriceRange]Count
}

// CountProducts counts the products of a search, by category and by price range. Of a search
// without words it counts the given categories. Work is bounded: it reads at most MaxCount entries
// for each count of a search without words, and at most maxCounted products of one with words.
func CountProducts(ctx context.Context, q database.Queryer, f Query, categories []string) (Counts, error) {
	switch {
	case f.Text == "":
		return f.countByIndex(ctx, q, categories)
	case len(f.Words) == 0:
		return Counts{}, nil
	}
	return f.countByWords(ctx, q)
}

// countByIndex counts entries of the indexes that have the price and, besides it, the filters.
func (f Query) countByIndex(ctx context.Context, q database.Queryer, categories []string) (Counts, error) {
	queries := []Query{f}
	for _, category := range categories {
		of := f
		of.Category = category
		queries = append(queries, of)
	}
	var prices []PriceRange
	for _, r := range PriceRanges {
		of := f
		of.MinPrice, of.MaxPrice = max(f.MinPrice, r.Min), min(f.MaxPrice, r.Max)
		if of.MinPrice <= of.MaxPrice {
			prices = append(prices, r)
			queries = append(queries, of)
		}
	}
	var counted []Count
	for batch := range slices.Chunk(queries, countsPerStatement) {
		counts, err := countEach(ctx, q, batch)
		if err != nil {
			return Counts{}, fmt.Errorf("count products: %w", err)
		}
		counted = append(counted, counts...)
	}
	all := Counts{All: counted[0], Categories: map[string]Count{}, Prices: map[PriceRange]Count{}}
	for i, category := range categories {
		all.Categories[category] = counted[1+i]
	}
	for i, r := range prices {
		all.Prices[r] = counted[1+len(categories)+i]
	}
	return all, nil
}

// countEach counts the products of queries without words in one statement.
func countEach(ctx context.Context, q database.Queryer, queries []Query) ([]Count, error) {
	s := &queryBuilder{}
	for i, f := range queries {
		if i > 0 {
			s.add(` UNION ALL `)
		}
		s.add(`SELECT ?, COUNT(*) FROM (SELECT 1 FROM product FORCE INDEX (`+f.countIndex()+`) WHERE status = ?`, i, f.status())
		f.addFilters(s)
		s.add(` LIMIT ?) c`, MaxCount+1)
	}
	counts := make([]Count, len(queries))
	return counts, database.Each(ctx, q, func(row database.Scanner) error {
		var i, n int
		err := row.Scan(&i, &n)
		if err == nil {
			counts[i] = newCount(n, false)
		}
		return err
	}, s.text.String(), s.args...)
}

// countIndex returns the index whose entries are those of a search without words.
func (f Query) countIndex() string {
	name := `product_by`
	if f.InStock {
		name = `product_in_stock`
	}
	if f.Category != "" {
		name += `_category`
	}
	return name + `_price`
}

// countByWords counts the products of a search with words, newest first.
func (f Query) countByWords(ctx context.Context, q database.Queryer) (Counts, error) {
	e, err := f.estimate(ctx, q)
	if err != nil {
		return Counts{}, err
	}
	t := tally{categories: map[string]*category{}, prices: map[PriceRange]int{}}
	for _, terms := range f.parts() {
		if err := t.addPart(ctx, q, f, terms, e); err != nil {
			return Counts{}, fmt.Errorf("count products with words: %w", err)
		}
	}
	return t.counts(), nil
}

// tally counts products of a search with words.
type tally struct {
	all        int
	categories map[string]*category // by name in lower case
	prices     map[PriceRange]int
	isPartial  bool // there are further products
}

type category struct {
	name string // as the first product has it
	n    int
}

// addPart counts the products of a part of the search. It reads those of the rarest term, at most
// maxCounted of them, or all that pass the filters if they are fewer.
func (t *tally) addPart(ctx context.Context, q database.Queryer, f Query, terms []term, e estimates) error {
	rarest := slices.SortedStableFunc(slices.Values(terms), func(a, b term) int { return cmp.Compare(e.terms[a], e.terms[b]) })
	path := accessPath{terms: rarest, byWord: true, isCovered: true}
	f.Order = Newest
	fewest := min(e.terms[rarest[0]], maxCounted/2) // an estimate may be half the number
	for _, c := range f.candidates(rarest, e)[1:] {
		if c.entries < fewest {
			path, fewest = accessPath{terms: rarest, index: c.index}, c.entries
		}
	}
	s := &queryBuilder{}
	s.add(`SELECT STRAIGHT_JOIN category, price_amount`)
	id := f.addTables(s, path, anywhere)
	f.addFilters(s)
	if path.byWord {
		end, err := findLast(ctx, q, rarest[0])
		if err != nil {
			return err
		}
		if end != nil {
			t.isPartial = true
			s.add(` AND `+id+` >= ?`, end)
		}
	}
	s.add(` LIMIT ?`, 2*maxCounted)
	before := t.all
	if err := database.Each(ctx, q, t.add, s.text.String(), s.args...); err != nil {
		return err
	}
	t.isPartial = t.isPartial || t.all-before == 2*maxCounted
	return nil
}

// findLast returns the last product of a term that is counted, nil if all of them are.
func findLast(ctx context.Context, q database.Queryer, t term) ([]byte, error) {
	next, err := selectNewest(ctx, q, t, maxCounted)
	if err != nil || next == nil {
		return nil, err
	}
	return selectNewest(ctx, q, t, countedOfMore-1)
}

// selectNewest returns the product of a term after the newest n ones, nil if it has no more.
func selectNewest(ctx context.Context, q database.Queryer, t term, n int) ([]byte, error) {
	id, err := database.Get(ctx, q, database.ScanColumn[[]byte], `
		SELECT product_id
		FROM `+t.table()+` FORCE INDEX (PRIMARY)
		WHERE word = ? AND in_name = 0
		ORDER BY product_id DESC
		LIMIT 1 OFFSET ?`, t.word, n)
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil
	}
	return id, err
}

// add counts a product.
func (t *tally) add(row database.Scanner) error {
	var name string
	var price int64
	if err := row.Scan(&name, &price); err != nil {
		return err
	}
	t.all++
	if name != "" {
		key := strings.ToLower(name)
		if t.categories[key] == nil {
			t.categories[key] = &category{name: name}
		}
		t.categories[key].n++
	}
	i, _ := slices.BinarySearchFunc(PriceRanges, price, func(r PriceRange, price int64) int { return cmp.Compare(r.Max, price) })
	t.prices[PriceRanges[i]]++
	return nil
}

func (t *tally) counts() Counts {
	counts := Counts{All: newCount(t.all, t.isPartial), Categories: map[string]Count{}, Prices: map[PriceRange]Count{}}
	for _, c := range t.categories {
		counts.Categories[c.name] = newCount(c.n, t.isPartial)
	}
	for r, n := range t.prices {
		counts.Prices[r] = newCount(n, t.isPartial)
	}
	return counts
}
