package product

import (
	"context"
	"strconv"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// found is a product of a list, and in which part of it.
type found struct {
	Product
	rest bool // of a search by relevance: not all the words are in its name
}

// part is a part of what is found: all the parts, one after the other, are it.
type part int

const (
	whole   part = iota // all that have the words
	inNames             // those that have all of them in the name
	theRest             // those that have not
)

// selectFound returns active products of a search, in its order, that come after
// a position; nil is the beginning.
func selectFound(ctx context.Context, q database.Queryer, f search, after *position, limit int) ([]found, error) {
	if f.Text != "" && len(f.Words) == 0 {
		return nil, nil
	}
	r, err := selectRoute(ctx, q, f)
	if err != nil {
		return nil, err
	}
	return selectAlong(ctx, q, f, r, after, limit)
}

func selectAlong(ctx context.Context, q database.Queryer, f search, r route, after *position, limit int) ([]found, error) {
	switch {
	case f.Order != Relevance:
		return query(ctx, q, f.statement(r, whole, after, limit))
	case after != nil && after.Rest:
		return query(ctx, q, f.statement(r, theRest, after, limit))
	}
	hits, err := query(ctx, q, f.statement(r, inNames, after, limit))
	if err != nil || len(hits) == limit {
		return hits, err
	}
	rest, err := query(ctx, q, f.statement(r, theRest, nil, limit-len(hits)))
	return append(hits, rest...), err
}

func query(ctx context.Context, q database.Queryer, s *sqlText) ([]found, error) {
	rows, err := q.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []found
	for rows.Next() {
		var hit found
		if hit.Product, err = scanProduct(rows, &hit.rest); err != nil {
			return nil, err
		}
		hits = append(hits, hit)
	}
	return hits, rows.Err()
}

// sqlText is SQL in the making, with what its placeholders stand for.
type sqlText struct {
	text strings.Builder
	args []any
}

func (s *sqlText) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}

// statement reads a part of what is found along a route. The tables are read in the
// order that they stand in: the servers, who do not know when a page will be full,
// would rather read and sort all there is.
func (f search) statement(r route, p part, after *position, limit int) *sqlText {
	s := &sqlText{}
	id := `id`
	s.add(`SELECT STRAIGHT_JOIN `+productColumns+`, ? AS rest`, p == theRest)
	if r.byWord {
		id = `w0.product_id`
		s.add(` FROM product_word w0 FORCE INDEX (PRIMARY)`)
		addWords(s, r.words, 1, p, id)
		s.add(` JOIN product p ON id = w0.product_id`)
		s.add(` WHERE w0.word = ? AND w0.in_name = ? AND status = ?`, r.words[0], p == inNames, Active)
	} else {
		s.add(` FROM product p ` + r.force())
		addWords(s, r.words, 0, p, id)
		s.add(` WHERE status = ?`, Active)
	}
	if p == theRest {
		s.add(` AND (n0.word IS NULL`)
		for i := range r.words[1:] {
			s.add(` OR n` + strconv.Itoa(i+1) + `.word IS NULL`)
		}
		s.add(`)`)
	}
	f.addFilters(s)
	f.addOrder(s, id, after)
	s.add(` LIMIT ?`, limit)
	return s
}

// addWords joins the words, from one on, that a product must have. Each is a look at
// one row. For the rest of a search by relevance it looks for all in the name, too.
func addWords(s *sqlText, words []string, from int, p part, id string) {
	for i := from; i < len(words); i++ {
		w := `w` + strconv.Itoa(i)
		s.add(` JOIN product_word `+w+` ON `+w+`.word = ? AND `+w+`.in_name = ? AND `+w+`.product_id = `+id, words[i], p == inNames)
	}
	if p != theRest {
		return
	}
	for i, word := range words {
		n := `n` + strconv.Itoa(i)
		s.add(` LEFT JOIN product_word `+n+` ON `+n+`.word = ? AND `+n+`.in_name = 1 AND `+n+`.product_id = `+id, word)
	}
}

func (f search) addFilters(s *sqlText) {
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

// addOrder adds the order, and the condition that cuts off what came before. Its
// two parts are two ranges of the order's index, read one after the other.
func (f search) addOrder(s *sqlText, id string, after *position) {
	cut := func(condition string, key func(position) any) {
		if after != nil {
			s.add(condition, key(*after), key(*after), after.ID[:])
		}
	}
	price := func(at position) any { return at.Price }
	name := func(at position) any { return at.Name }
	switch f.Order {
	case Cheapest:
		cut(` AND (price_amount > ? OR price_amount = ? AND id > ?)`, price)
		s.add(` ORDER BY price_amount, id`)
	case Dearest:
		cut(` AND (price_amount < ? OR price_amount = ? AND id < ?)`, price)
		s.add(` ORDER BY price_amount DESC, id DESC`)
	case Named:
		cut(` AND (name > ? OR name = ? AND id > ?)`, name)
		s.add(` ORDER BY name, id`)
	case Newest, Relevance:
		if after != nil {
			s.add(` AND `+id+` < ?`, after.ID[:])
		}
		s.add(` ORDER BY ` + id + ` DESC`)
	}
}
