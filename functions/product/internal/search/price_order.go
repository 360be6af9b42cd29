package search

import (
	"cmp"
	"context"
	"slices"

	"souk/shared/database"
)

// attempt is a limit of an access path in the order of the search.
type attempt struct {
	pageEntries int // the number of entries in which a page is expected to be full
	maxEntries  int // the number of entries that are read in all
	fallback    accessPath
}

const (
	// attemptMargin is how many times the entries are read among which a page is expected: the entries
	// between the products of a search are not equally many.
	attemptMargin = 1.5
	// estimateBias is what InnoDB's estimate of the share of a frequent word is too large by: it doubles
	// the estimate of a long range, and reports at most half of a table.
	estimateBias = 4
)

// pricePath returns the access path of words in the order of the price. Products that are read to be
// sorted cost more than entries of the index of that order, which is tried if the page is expected
// among fewer entries. Words may be rarer among low or high prices: then the attempt ends early.
func (f Query) pricePath(rarest []term, e estimates, limit int) accessPath {
	sorted := slices.DeleteFunc(f.candidates(rarest, e), func(c candidate) bool { return c.isOrdered })
	best := e.cheapest(sorted, rarest, limit)
	path := accessPath{terms: rarest, byWord: best.index == "", index: best.index}
	fill := estimateBias * e.filter * float64(limit) / max(e.hits(rarest), 1)
	if fill >= best.entries { // half as many, doubled: a sorted product costs two entries of the index
		return path
	}
	ordered := attempt{pageEntries: max(int(attemptMargin*fill), limit), maxEntries: int(best.entries), fallback: path}
	return accessPath{terms: rarest, index: f.orderIndex(), attempt: &ordered}
}

// selectParts returns the products of a search by price, whose parts are read one after the other: an
// attempt shows by its result whether the others are to be read.
func (t Table[P]) selectParts(ctx context.Context, q database.Queryer, f Query, paths []accessPath, after *Position, limit int) (hits []Hit[P], err error) {
	for _, path := range paths {
		found, err := t.selectPart(ctx, q, f, path, after, limit)
		if err != nil {
			return nil, err
		}
		hits = t.appendNew(hits, found)
	}
	slices.SortFunc(hits, func(a, b Hit[P]) int { return f.compare(t.Key(&a.Product), t.Key(&b.Product)) })
	return hits[:min(len(hits), limit)], nil
}

// selectPart returns the products of a part of a search by an access path.
func (t Table[P]) selectPart(ctx context.Context, q database.Queryer, f Query, path accessPath, after *Position, limit int) (hits []Hit[P], err error) {
	if path.isAttempt() {
		hits, after, err = t.readOrdered(ctx, q, f, path, after, limit)
		if err != nil || after == nil || len(hits) == limit {
			return hits, err
		}
		path = path.attempt.fallback
	}
	hits, _, err = t.appendRange(ctx, q, f, section{path: path}, hits, after, nil, limit)
	return hits, err
}

// readOrdered returns the products that an attempt finds, and the position where it has ended, nil at the end of
// the index. If the page is not full, the products that were found show how many entries it needs.
func (t Table[P]) readOrdered(ctx context.Context, q database.Queryer, f Query, path accessPath, after *Position, limit int) (hits []Hit[P], end *Position, err error) {
	entries := path.attempt.pageEntries
	for read := 0; len(hits) < limit && (read == 0 || read+entries <= path.attempt.maxEntries); {
		if end, err = f.findEnd(ctx, q, path, after, entries); err != nil {
			return nil, nil, err
		}
		var found int
		if hits, found, err = t.appendRange(ctx, q, f, section{path: path}, hits, after, end, limit); err != nil {
			return nil, nil, err
		}
		if end == nil {
			return hits, nil, nil
		}
		after, read = end, read+entries
		entries = int(attemptMargin * float64(entries*(limit-len(hits))/max(found, 1)))
	}
	return hits, after, nil
}

// findEnd returns the position after so many entries of the index of an attempt, nil if it ends before.
func (f Query) findEnd(ctx context.Context, q database.Queryer, path accessPath, after *Position, entries int) (end *Position, err error) {
	f.InStock, f.LowStock = false, false // not in the index
	s := &queryBuilder{}
	s.add(`SELECT id, price_amount FROM product `+path.force()+` WHERE status = ?`, f.status())
	f.addFilters(s)
	f.addAfter(s, `id`, after)
	f.addOrder(s, `id`)
	s.add(` LIMIT 1 OFFSET ?`, entries-1)
	ends, err := database.Collect(ctx, q, func(row database.Scanner) (p Position, err error) {
		return p, row.Scan(&p.ID, &p.Price)
	}, s.text.String(), s.args...)
	if err != nil || len(ends) == 0 {
		return nil, err
	}
	return &ends[0], nil
}

// compare compares keys in an order by price.
func (f Query) compare(a, b Key) int {
	c := cmp.Or(cmp.Compare(a.Price, b.Price), database.CompareIDs(a.ID, b.ID))
	if f.Order == PriceDescending {
		return -c
	}
	return c
}

// addEnd adds the condition that excludes products after a position in an order by price.
func (f Query) addEnd(s *queryBuilder, end *Position) {
	switch {
	case end == nil:
	case f.Order == PriceAscending:
		s.add(` AND (price_amount < ? OR price_amount = ? AND id <= ?)`, end.Price, end.Price, end.ID[:])
	default:
		s.add(` AND (price_amount > ? OR price_amount = ? AND id >= ?)`, end.Price, end.Price, end.ID[:])
	}
}
