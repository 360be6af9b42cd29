package search

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// Table describes how products of type P are read from the table product.
type Table[P any] struct {
	Columns string         // of P
	Scan    func(*P) []any // where the columns are scanned into
	Key     func(*P) Key
}

// Hit is a product that a search finds.
type Hit[P any] struct {
	Product P
	tier    int // of a search by relevance
}

// Position returns the position of a hit in the search, for a page token with the query's
// hash.
func (t Table[P]) Position(f Query, hit *Hit[P], hash string) Position {
	return f.position(t.Key(&hit.Product), hit.tier, hash)
}

// scope selects products of a part of a search by where they have its words.
type scope int

const (
	anywhere  scope = iota // products with all words
	inName                 // products with all words in the name
	notInName              // products with all words, but not all of them in the name
)

// A search by relevance has a tier for each scope and part, and returns one after the other:
// words in the name, complete ones first, then others, complete ones first.
var tierScopes = []scope{inName, notInName}

// Select returns the products of a search after a position, in the search's order.
// A nil position is the beginning.
func (t Table[P]) Select(ctx context.Context, q database.Queryer, f Query, after *Position, limit int) ([]Hit[P], error) {
	if f.Text != "" && len(f.Words) == 0 {
		return nil, nil
	}
	paths, err := chooseAccessPaths(ctx, q, f, limit)
	if err != nil {
		return nil, err
	}
	return t.selectByPaths(ctx, q, f, paths, after, limit)
}

// selectByPaths is Select with an access path for each part of the search.
func (t Table[P]) selectByPaths(ctx context.Context, q database.Queryer, f Query, paths []accessPath, after *Position, limit int) ([]Hit[P], error) {
	switch {
	case f.Order == Relevance:
		return t.selectTiers(ctx, q, f, paths, after, limit)
	case slices.ContainsFunc(paths, accessPath.isAttempt):
		return t.selectParts(ctx, q, f, paths, after, limit)
	}
	s := &queryBuilder{}
	if len(paths) == 1 {
		f.addStatement(s, t.Columns, paths[0], anywhere, 0, after, nil, limit)
		return t.query(ctx, q, s)
	}
	for i, path := range paths {
		s.add([]string{`(`, ` UNION ALL (`}[i])
		f.addStatement(s, t.Columns, path, anywhere, 0, after, nil, limit)
		s.add(`)`)
	}
	f.addOrder(s, `id`)
	s.add(` LIMIT ?`, limit)
	return t.query(ctx, q, s)
}

// selectTiers returns the products of a search by relevance, until the page is full.
func (t Table[P]) selectTiers(ctx context.Context, q database.Queryer, f Query, paths []accessPath, after *Position, limit int) (hits []Hit[P], err error) {
	first := 0
	if after != nil {
		first = after.Tier
	}
	for tier := first; tier < len(tierScopes)*len(paths) && len(hits) < limit; tier++ {
		from := section{paths[tier%len(paths)], tierScopes[tier/len(paths)], tier}
		if hits, _, err = t.appendRange(ctx, q, f, from, hits, after, nil, limit); err != nil {
			return nil, err
		}
		after = nil
	}
	return hits, nil
}

// section is what one statement of a search with several of them reads.
type section struct {
	path accessPath
	in   scope
	tier int
}

// appendRange appends the products of a section after a position and up to an end, until there are limit,
// and returns how many it has found. If hits has some of them, it reads as many again, so that the page is
// full.
func (t Table[P]) appendRange(ctx context.Context, q database.Queryer, f Query, from section, hits []Hit[P], after, end *Position, limit int) (all []Hit[P], n int, err error) {
	for {
		s := &queryBuilder{}
		missing := limit - len(hits)
		f.addStatement(s, t.Columns, from.path, from.in, from.tier, after, end, missing)
		found, err := t.query(ctx, q, s)
		if err != nil {
			return nil, 0, err
		}
		hits, n = t.appendNew(hits, found), n+len(found)
		if len(found) < missing || len(hits) == limit {
			return hits, n, nil
		}
		last := t.Position(f, &found[len(found)-1], "")
		after = &last
	}
}

// appendNew appends the products that hits does not have: a change between two statements may move a
// product to where the second one reads.
func (t Table[P]) appendNew(hits, found []Hit[P]) []Hit[P] {
	for i := range found {
		id := t.Key(&found[i].Product).ID
		if !slices.ContainsFunc(hits, func(hit Hit[P]) bool { return t.Key(&hit.Product).ID == id }) {
			hits = append(hits, found[i])
		}
	}
	return hits
}

func (t Table[P]) query(ctx context.Context, q database.Queryer, s *queryBuilder) ([]Hit[P], error) {
	return database.Collect(ctx, q, t.scan, s.text.String(), s.args...)
}

func (t Table[P]) scan(row database.Scanner) (hit Hit[P], err error) {
	err = row.Scan(append(t.Scan(&hit.Product), &hit.tier)...)
	return hit, err
}

// queryBuilder builds the text of a statement and the arguments of its placeholders.
type queryBuilder struct {
	text strings.Builder
	args []any
}

func (s *queryBuilder) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}

// addStatement adds the statement that reads products of a part of the search by an access path, after
// a position and up to an end. If it reads more products than it returns, it first selects their ids:
// reading and sorting all columns of the others costs several times as much as reading the entries.
func (f Query) addStatement(s *queryBuilder, columns string, path accessPath, in scope, tier int, after, end *Position, limit int) {
	if !f.readsOthers(path) {
		s.add(`SELECT STRAIGHT_JOIN `+columns+`, ? AS tier`, tier)
		f.addSelected(s, path, in, after, end, limit)
		return
	}
	path.isCovered = f.sortsByPrice() && !f.LowStock
	s.add(`SELECT STRAIGHT_JOIN `+columns+`, ? AS tier FROM (SELECT STRAIGHT_JOIN id AS hit`, tier)
	f.addSelected(s, path, in, after, end, limit)
	s.add(`) h JOIN product FORCE INDEX (PRIMARY) ON id = hit`)
	f.addOrder(s, `id`)
}

// readsOthers reports whether an access path reads rows that are not in the page: to sort them, or
// before it compares their words.
func (f Query) readsOthers(path accessPath) bool {
	if path.byWord {
		return f.sorts()
	}
	return len(path.terms) > 0 || f.sorts() && path.index != f.orderIndex()
}

// addSelected adds the tables, the conditions, the order and the limit of the products that a statement
// selects. STRAIGHT_JOIN reads the tables in the order of the statement. Without it the servers
// read and sort all products, because they do not expect the page to fill early.
func (f Query) addSelected(s *queryBuilder, path accessPath, in scope, after, end *Position, limit int) {
	id := f.addTables(s, path, in)
	f.addFilters(s)
	f.addAfter(s, id, after)
	f.addEnd(s, end)
	f.addOrder(s, id)
	s.add(` LIMIT ?`, limit)
}

// addTables adds the tables that an access path reads, and the conditions of the words. It returns
// the column with the products' ids that the order is that of.
func (f Query) addTables(s *queryBuilder, path accessPath, in scope) (id string) {
	id = `id`
	if path.byWord {
		id = `w0.product_id`
		s.add(` FROM ` + path.terms[0].table() + ` w0 FORCE INDEX (PRIMARY)`)
		addTerms(s, path.terms, 1, in, id)
		s.add(` JOIN product p FORCE INDEX (` + path.lookup() + `) ON id = w0.product_id`)
		s.add(` WHERE w0.word = ? AND w0.in_name = ? AND status = ?`, path.terms[0].word, in == inName, f.status())
	} else {
		s.add(` FROM product p ` + path.force())
		addTerms(s, path.terms, 0, in, id)
		s.add(` WHERE status = ?`, f.status())
	}
	if in == notInName {
		s.add(` AND (n0.word IS NULL`)
		for i := range path.terms[1:] {
			s.add(` OR n` + strconv.Itoa(i+1) + `.word IS NULL`)
		}
		s.add(`)`)
	}
	return id
}

// addTerms joins the terms that a product must have, beginning with terms[from]. Each
// join reads one row. For notInName it also joins the terms in the name, as outer joins.
func addTerms(s *queryBuilder, terms []term, from int, in scope, id string) {
	for i := from; i < len(terms); i++ {
		w := `w` + strconv.Itoa(i)
		s.add(` JOIN `+terms[i].table()+` `+w+` ON `+w+`.word = ? AND `+w+`.in_name = ? AND `+w+`.product_id = `+id, terms[i].word, in == inName)
	}
	if in != notInName {
		return
	}
	for i, t := range terms {
		n := `n` + strconv.Itoa(i)
		s.add(` LEFT JOIN `+t.table()+` `+n+` ON `+n+`.word = ? AND `+n+`.in_name = 1 AND `+n+`.product_id = `+id, t.word)
	}
}

// addFilters adds the conditions of the filters.
func (f Query) addFilters(s *queryBuilder) {
	if f.Category != "" {
		s.add(` AND category = ?`, f.Category)
	}
	if f.MinPrice > 0 {
		s.add(` AND price_amount >= ?`, f.MinPrice)
	}
	if f.MaxPrice < money.Max {
		s.add(` AND price_amount <= ?`, f.MaxPrice)
	}
	if f.InStock {
		s.add(` AND in_stock = 1`)
	}
	if f.LowStock {
		s.add(` AND low_stock = 1`)
	}
}

// addAfter adds the condition that excludes products up to the position. Its two parts are two
// ranges of the order's index, read one after the other.
func (f Query) addAfter(s *queryBuilder, id string, after *Position) {
	if after == nil {
		return
	}
	switch f.Order {
	case PriceAscending:
		s.add(` AND (price_amount > ? OR price_amount = ? AND id > ?)`, after.Price, after.Price, after.ID[:])
	case PriceDescending:
		s.add(` AND (price_amount < ? OR price_amount = ? AND id < ?)`, after.Price, after.Price, after.ID[:])
	case ByName:
		s.add(` AND (name > ? OR name = ? AND id > ?)`, after.Name, after.Name, after.ID[:])
	case Newest, Relevance:
		s.add(` AND `+id+` < ?`, after.ID[:])
	}
}

// addOrder adds the order.
func (f Query) addOrder(s *queryBuilder, id string) {
	switch f.Order {
	case PriceAscending:
		s.add(` ORDER BY price_amount, id`)
	case PriceDescending:
		s.add(` ORDER BY price_amount DESC, id DESC`)
	case ByName:
		s.add(` ORDER BY name, id`)
	case Newest, Relevance:
		s.add(` ORDER BY ` + id + ` DESC`)
	}
}
