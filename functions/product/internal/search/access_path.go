package search

import (
	"cmp"
	"context"
	"slices"

	"souk/shared/database"
	"souk/shared/money"
)

// accessPath is the way in which a search reads the tables.
type accessPath struct {
	terms   []term   // the rarest first
	byWord  bool     // read the products of the first word, newest first, instead of index
	index   string   // an index of product; "" leaves the choice to the server
	attempt *attempt // nil if the index is read to a full page
	// isCovered reports whether the statement reads only columns of product_by_id.
	isCovered bool
}

// lookup returns the index in which products of a word are looked up.
func (path accessPath) lookup() string {
	if path.isCovered {
		return `product_by_id`
	}
	return `PRIMARY`
}

func (path accessPath) isAttempt() bool { return path.attempt != nil }

func (path accessPath) force() string {
	if path.index == "" {
		return ""
	}
	return `FORCE INDEX (` + path.index + `)`
}

// chooseAccessPaths returns, for each part of a search, the access path that reads the fewest
// entries: the products of the rarest word, those that pass the filters, those in stock, or all in
// the search's order.
func chooseAccessPaths(ctx context.Context, q database.Queryer, f Query, limit int) (paths []accessPath, err error) {
	parts := f.parts()
	paths = make([]accessPath, len(parts))
	isOnly := false
	for i, terms := range parts {
		paths[i], isOnly = f.onlyPath(terms)
	}
	if isOnly {
		return paths, nil
	}
	e, err := f.estimate(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, terms := range parts {
		rarest := slices.SortedStableFunc(slices.Values(terms), func(a, b term) int {
			return cmp.Compare(e.terms[a], e.terms[b])
		})
		if f.sortsByPrice() && len(terms) > 0 {
			paths[i] = f.pricePath(rarest, e, limit)
			continue
		}
		best := e.cheapest(f.candidates(rarest, e), rarest, limit)
		paths[i] = accessPath{terms: rarest, byWord: best.index == "", index: best.index}
	}
	return paths, nil
}

// onlyPath returns the access path of a part of a search that needs no estimates: its index has
// the search's order and only entries that the search returns. Either all parts have one, or none.
func (f Query) onlyPath(terms []term) (path accessPath, isOnly bool) {
	switch {
	case len(terms) == 0 && f.stockIndex() == "" && (!f.isPriced() || f.sortsByPrice()):
		return accessPath{index: f.orderIndex()}, true
	case len(terms) == 0 && !f.sorts() && !f.isPriced() && f.hasStockIndex():
		return accessPath{index: f.stockIndex()}, true
	case len(terms) == 1 && f.status() == OnSale && f.filterIndex() == "" && f.stockIndex() == "" && !f.sorts():
		return accessPath{terms: terms, byWord: true}, true
	}
	return accessPath{}, false
}

// estimates are estimated numbers of products with the status of the search.
type estimates struct {
	all      float64
	terms    map[term]float64 // of any status
	category float64          // of the category; without one, all
	filter   float64          // within the category and the price range
	stock    float64          // in stockIndex; without one, of the category
}

// estimate estimates the numbers of products for the parts of the search.
func (f Query) estimate(ctx context.Context, q database.Queryer) (estimates, error) {
	run := &estimator{}
	e := estimates{terms: map[term]float64{}}
	terms := f.allTerms()
	counts := make([]float64, len(terms))
	for i, t := range terms {
		run.addTerm(t, &counts[i])
	}
	run.addProducts(`product_by_status`, Query{Status: f.Status, MaxPrice: money.Max}, &e.all)
	if f.Category != "" {
		run.addProducts(`product_by_category`, Query{Status: f.Status, Category: f.Category, MaxPrice: money.Max}, &e.category)
	}
	if f.isPriced() {
		run.addProducts(f.filterIndex(), Query{Status: f.Status, Category: f.Category, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice}, &e.filter)
	}
	if f.LowStock {
		run.addProducts(f.stockIndex(), Query{Status: f.Status, MaxPrice: money.Max, LowStock: true}, &e.stock)
	} else if f.InStock {
		run.addProducts(f.stockIndex(), Query{Status: f.Status, Category: f.Category, MaxPrice: money.Max, InStock: true}, &e.stock)
	}
	if err := run.run(ctx, q); err != nil {
		return estimates{}, err
	}
	for i, t := range terms {
		e.terms[t] = counts[i]
	}
	if f.Category == "" {
		e.category = e.all
	}
	if !f.isPriced() {
		e.filter = e.category
	}
	if f.stockIndex() == "" {
		e.stock = e.category
	}
	return e, nil
}

// candidate is a way to read the products of a search.
type candidate struct {
	index     string  // an index of product; "" is the list of the rarest word
	entries   float64 // how many there are to read
	isOrdered bool    // reading may end when the page is full
}

// candidates returns the ways to read the products of a part of the search, the preferred first.
func (f Query) candidates(rarest []term, e estimates) (all []candidate) {
	if len(rarest) > 0 {
		all = append(all, candidate{"", e.terms[rarest[0]], !f.sorts()})
	}
	if index := f.stockIndex(); index != "" {
		all = append(all, candidate{index, e.stock, !f.sorts()})
	}
	if index := f.filterIndex(); index != "" {
		isOrdered := !f.isPriced() && !f.sorts() || f.isPriced() && f.sortsByPrice()
		all = append(all, candidate{index, e.filter, isOrdered})
	}
	// Words are those of products of any status. Few archived ones are read by their status.
	return append(all, candidate{f.orderIndex(), e.category, true})
}

// skew is how much rarer than expected the products may be that have all of a search, for
// example because two words exclude each other. Reading in order is not bounded by the rarest
// word then, so it must be much cheaper than sorting to be chosen.
const skew = 16

// cheapest returns the candidate with the fewest entries to read. In an ordered one, the
// search reads until it has a page of products, which it expects to be as frequent as if words
// and filters were independent of each other.
func (e estimates) cheapest(all []candidate, terms []term, limit int) candidate {
	part := min(1, skew*float64(limit)/e.hits(terms))
	return slices.MinFunc(all, func(a, b candidate) int { return cmp.Compare(a.cost(part), b.cost(part)) })
}

// hits returns the number of products with all of a search, if words and filters are independent.
func (e estimates) hits(terms []term) float64 {
	hits := e.filter * e.stock / e.category
	for _, t := range terms {
		hits *= min(1, e.terms[t]/e.all)
	}
	return hits
}

func (c candidate) cost(part float64) float64 {
	if c.isOrdered {
		return c.entries * part
	}
	return c.entries
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

// stockIndex returns the index of the products in stock, or of those with low stock, by id, or ""
// if the search includes others.
func (f Query) stockIndex() string {
	switch {
	case f.LowStock:
		return `product_low_stock`
	case f.InStock && f.Category != "":
		return `product_in_stock_category`
	case f.InStock:
		return `product_in_stock`
	}
	return ""
}

// hasStockIndex reports whether the search returns all products of stockIndex.
func (f Query) hasStockIndex() bool {
	return f.stockIndex() != "" && (!f.LowStock || f.Category == "" && !f.InStock)
}

// sorts reports whether the order is another than that of the ids.
func (f Query) sorts() bool { return f.Order != Newest && f.Order != Relevance }

func (f Query) sortsByPrice() bool { return f.Order == PriceAscending || f.Order == PriceDescending }

// orderIndex returns the index that has the search's order. The servers would not choose it
// for a late page: they read and sort all products after it.
func (f Query) orderIndex() string {
	names := map[Order][2]string{
		Newest:          {"product_by_status", "product_by_category"},
		Relevance:       {"product_by_status", "product_by_category"},
		PriceAscending:  {"product_by_price", "product_by_category_price"},
		PriceDescending: {"product_by_price", "product_by_category_price"},
		ByName:          {"product_by_name", "product_by_category_name"},
	}[f.Order]
	if f.Category != "" {
		return names[1]
	}
	return names[0]
}
