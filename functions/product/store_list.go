package product

import (
	"context"
	"strings"

	"souk/shared/database"
	"souk/shared/money"
)

// found is a product of a list, and how well it fits what was looked for.
type found struct {
	Product
	rank int64
}

// selectFound returns active products of a search, in its order, that come after
// a position; nil is the beginning.
func selectFound(ctx context.Context, q database.Queryer, f search, after *position, limit int) ([]found, error) {
	s := f.statement(after)
	s.add(` LIMIT ?`, limit)
	rows, err := q.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []found
	for rows.Next() {
		var hit found
		if hit.Product, err = scanProduct(rows, &hit.rank); err != nil {
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

func (f search) statement(after *position) *sqlText {
	s := &sqlText{}
	s.add(`SELECT ` + productColumns + `, `)
	f.addRank(s)
	s.add(` AS ranking FROM product `+f.index()+` WHERE status = ?`, Active)
	f.addFilters(s)
	f.addOrder(s, after)
	return s
}

// index forces the index that has the order, where no filter narrows the search
// better: the servers would rather read all that follows a late page and sort it.
func (f search) index() string {
	narrowed := f.Text != "" || f.Order != Cheapest && f.Order != Dearest && (f.MinPrice > 0 || f.MaxPrice < money.Max)
	if narrowed {
		return ""
	}
	names := map[Order][2]string{
		Newest:   {"product_by_status", "product_by_category"},
		Cheapest: {"product_by_price", "product_by_category_price"},
		Dearest:  {"product_by_price", "product_by_category_price"},
		Named:    {"product_by_name", "product_by_category_name"},
	}[f.Order]
	if f.Category != "" {
		return `FORCE INDEX (` + names[1] + `)`
	}
	return `FORCE INDEX (` + names[0] + `)`
}

const match = `MATCH (name, description, category, sku) AGAINST (? IN BOOLEAN MODE)`

// addRank adds the server's own measure of how well a product fits, in millionths
// because a fraction would not be equal to itself when it comes back in a token.
// Products with the text as it stands in their name go before all others.
func (f search) addRank(s *sqlText) {
	if f.Order != Relevance {
		s.add(`0`)
		return
	}
	s.add(`(CAST(`+match+` * 1000000 AS SIGNED) + IF(LOCATE(?, name) > 0, 1000000000, 0))`, f.boolean(), f.Text)
}

// boolean asks for products that have each word, or one that begins with it.
func (f search) boolean() string { return "+" + strings.Join(f.Words, "* +") + "*" }

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (f search) addFilters(s *sqlText) {
	switch {
	case len(f.Words) > 0:
		s.add(` AND `+match, f.boolean())
	case f.Text != "":
		// Too short, or too common, to be in the full-text index.
		s.add(` AND name LIKE ?`, likeEscaper.Replace(f.Text)+"%")
	}
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
		s.add(` AND available > 0`)
	}
}

// addOrder adds the order, and the condition that cuts off what came before. Its
// two parts are two ranges of the order's index, read one after the other.
func (f search) addOrder(s *sqlText, after *position) {
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
	case Relevance:
		if after != nil {
			s.add(` AND (`)
			f.addRank(s)
			s.add(` < ? OR `, after.Rank)
			f.addRank(s)
			s.add(` = ? AND id < ?)`, after.Rank, after.ID[:])
		}
		s.add(` ORDER BY ranking DESC, id DESC`)
	case Newest:
		if after != nil {
			s.add(` AND id < ?`, after.ID[:])
		}
		s.add(` ORDER BY id DESC`)
	}
}
