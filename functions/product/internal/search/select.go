package search

import (
	"context"
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
	Product   P
	otherTier bool // of a search by relevance: the product is in otherTier
}

// Position returns the position of a hit in the search, for a page token with the query's
// hash.
func (t Table[P]) Position(f Query, hit *Hit[P], hash string) Position {
	return f.position(t.Key(&hit.Product), hit.otherTier, hash)
}

// tier is a part of a search's results. A search by relevance returns nameTier, then
// otherTier. All other searches return anyTier.
type tier int

const (
	anyTier   tier = iota // products with all words
	nameTier              // products with all words in the name
	otherTier             // products with all words, but not all of them in the name
)

// Select returns the products on sale of a search after a position, in the search's order.
// A nil position is the beginning.
func (t Table[P]) Select(ctx context.Context, q database.Queryer, f Query, after *Position, limit int) ([]Hit[P], error) {
	if f.Text != "" && len(f.Words) == 0 {
		return nil, nil
	}
	path, err := chooseAccessPath(ctx, q, f)
	if err != nil {
		return nil, err
	}
	return t.selectByPath(ctx, q, f, path, after, limit)
}

// selectByPath is Select with a given access path.
func (t Table[P]) selectByPath(ctx context.Context, q database.Queryer, f Query, path accessPath, after *Position, limit int) ([]Hit[P], error) {
	switch {
	case f.Order != Relevance:
		return t.query(ctx, q, f.statement(t.Columns, path, anyTier, after, limit))
	case after != nil && after.OtherTier:
		return t.query(ctx, q, f.statement(t.Columns, path, otherTier, after, limit))
	}
	hits, err := t.query(ctx, q, f.statement(t.Columns, path, nameTier, after, limit))
	if err != nil || len(hits) == limit {
		return hits, err
	}
	others, err := t.query(ctx, q, f.statement(t.Columns, path, otherTier, nil, limit-len(hits)))
	return append(hits, others...), err
}

func (t Table[P]) query(ctx context.Context, q database.Queryer, s *queryBuilder) ([]Hit[P], error) {
	return database.Collect(ctx, q, t.scan, s.text.String(), s.args...)
}

func (t Table[P]) scan(row database.Scanner) (hit Hit[P], err error) {
	err = row.Scan(append(t.Scan(&hit.Product), &hit.otherTier)...)
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

// statement returns the statement that reads a tier of the search by an access path.
// STRAIGHT_JOIN reads the tables in the order of the statement. Without it the servers
// read and sort all products, because they do not expect the page to fill early.
func (f Query) statement(columns string, path accessPath, t tier, after *Position, limit int) *queryBuilder {
	s := &queryBuilder{}
	id := `id`
	s.add(`SELECT STRAIGHT_JOIN `+columns+`, ? AS other_tier`, t == otherTier)
	if path.byWord {
		id = `w0.product_id`
		s.add(` FROM product_word w0 FORCE INDEX (PRIMARY)`)
		addWords(s, path.words, 1, t, id)
		s.add(` JOIN product p ON id = w0.product_id`)
		s.add(` WHERE w0.word = ? AND w0.in_name = ? AND status = ?`, path.words[0], t == nameTier, OnSale)
	} else {
		s.add(` FROM product p ` + path.force())
		addWords(s, path.words, 0, t, id)
		s.add(` WHERE status = ?`, OnSale)
	}
	if t == otherTier {
		s.add(` AND (n0.word IS NULL`)
		for i := range path.words[1:] {
			s.add(` OR n` + strconv.Itoa(i+1) + `.word IS NULL`)
		}
		s.add(`)`)
	}
	f.addFilters(s)
	f.addOrder(s, id, after)
	s.add(` LIMIT ?`, limit)
	return s
}

// addWords joins the words that a product must have, beginning with words[from]. Each
// join reads one row. For otherTier it also joins the words in the name, as outer joins.
func addWords(s *queryBuilder, words []string, from int, t tier, id string) {
	for i := from; i < len(words); i++ {
		w := `w` + strconv.Itoa(i)
		s.add(` JOIN product_word `+w+` ON `+w+`.word = ? AND `+w+`.in_name = ? AND `+w+`.product_id = `+id, words[i], t == nameTier)
	}
	if t != otherTier {
		return
	}
	for i, word := range words {
		n := `n` + strconv.Itoa(i)
		s.add(` LEFT JOIN product_word `+n+` ON `+n+`.word = ? AND `+n+`.in_name = 1 AND `+n+`.product_id = `+id, word)
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
}

// addOrder adds the order, and the condition that excludes products up to the position.
// The condition's two parts are two ranges of the order's index, read one after the
// other.
func (f Query) addOrder(s *queryBuilder, id string, after *Position) {
	addAfter := func(condition string, key func(Position) any) {
		if after != nil {
			s.add(condition, key(*after), key(*after), after.ID[:])
		}
	}
	price := func(p Position) any { return p.Price }
	name := func(p Position) any { return p.Name }
	switch f.Order {
	case PriceAscending:
		addAfter(` AND (price_amount > ? OR price_amount = ? AND id > ?)`, price)
		s.add(` ORDER BY price_amount, id`)
	case PriceDescending:
		addAfter(` AND (price_amount < ? OR price_amount = ? AND id < ?)`, price)
		s.add(` ORDER BY price_amount DESC, id DESC`)
	case ByName:
		addAfter(` AND (name > ? OR name = ? AND id > ?)`, name)
		s.add(` ORDER BY name, id`)
	case Newest, Relevance:
		if after != nil {
			s.add(` AND `+id+` < ?`, after.ID[:])
		}
		s.add(` ORDER BY ` + id + ` DESC`)
	}
}
