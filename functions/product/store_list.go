package product

import (
	"context"
	"strconv"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// searchHit is a product of a search.
type searchHit struct {
	Product
	otherTier bool // of a search by relevance: the product is in otherTier
}

// tier is a part of a search's results. A search by relevance returns nameTier, then
// otherTier. All other searches return anyTier.
type tier int

const (
	anyTier   tier = iota // products with all words
	nameTier              // products with all words in the name
	otherTier             // products with all words, but not all of them in the name
)

// selectHits returns the active products of a search after a position, in the search's
// order. A nil position is the beginning.
func selectHits(ctx context.Context, q database.Queryer, f search, after *position, limit int) ([]searchHit, error) {
	if f.Text != "" && len(f.Words) == 0 {
		return nil, nil
	}
	path, err := chooseAccessPath(ctx, q, f)
	if err != nil {
		return nil, err
	}
	return selectHitsByPath(ctx, q, f, path, after, limit)
}

// selectHitsByPath is selectHits with a given access path.
func selectHitsByPath(ctx context.Context, q database.Queryer, f search, path accessPath, after *position, limit int) ([]searchHit, error) {
	switch {
	case f.Order != Relevance:
		return queryHits(ctx, q, f.statement(path, anyTier, after, limit))
	case after != nil && after.OtherTier:
		return queryHits(ctx, q, f.statement(path, otherTier, after, limit))
	}
	hits, err := queryHits(ctx, q, f.statement(path, nameTier, after, limit))
	if err != nil || len(hits) == limit {
		return hits, err
	}
	others, err := queryHits(ctx, q, f.statement(path, otherTier, nil, limit-len(hits)))
	return append(hits, others...), err
}

func queryHits(ctx context.Context, q database.Queryer, s *queryBuilder) ([]searchHit, error) {
	return database.Collect(ctx, q, scanHit, s.text.String(), s.args...)
}

func scanHit(row database.Scanner) (hit searchHit, err error) {
	err = row.Scan(append(hit.scanInto(), &hit.otherTier)...)
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
func (f search) statement(path accessPath, t tier, after *position, limit int) *queryBuilder {
	s := &queryBuilder{}
	id := `id`
	s.add(`SELECT STRAIGHT_JOIN `+productColumns+`, ? AS other_tier`, t == otherTier)
	if path.byWord {
		id = `w0.product_id`
		s.add(` FROM product_word w0 FORCE INDEX (PRIMARY)`)
		addWords(s, path.words, 1, t, id)
		s.add(` JOIN product p ON id = w0.product_id`)
		s.add(` WHERE w0.word = ? AND w0.in_name = ? AND status = ?`, path.words[0], t == nameTier, Active)
	} else {
		s.add(` FROM product p ` + path.force())
		addWords(s, path.words, 0, t, id)
		s.add(` WHERE status = ?`, Active)
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
func (f search) addFilters(s *queryBuilder) {
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
func (f search) addOrder(s *queryBuilder, id string, after *position) {
	addAfter := func(condition string, key func(position) any) {
		if after != nil {
			s.add(condition, key(*after), key(*after), after.ID[:])
		}
	}
	price := func(p position) any { return p.Price }
	name := func(p position) any { return p.Name }
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
