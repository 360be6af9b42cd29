package search

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"souk/shared/database"
)

// Table describes how orders of type T are read from the table orders.
type Table[T any] struct {
	Columns string // of T; no other table of a search has columns with their names
	Scan    func(database.Scanner) (T, error)
	Key     func(*T) Key
}

// Position returns the position of an order in the search, for a page token with the query's hash.
func (t Table[T]) Position(q *Query, order *T, hash string) Position {
	p := q.position(t.Key(order))
	p.Search = hash
	return p
}

// Select returns the orders of a search after a position, in the search's order, at most limit. A nil
// position is the beginning. If it has read scanLimit entries without finding so many, it also returns
// the position where the search continues.
func (t Table[T]) Select(ctx context.Context, db database.Queryer, q *Query, after *Position, limit int) (orders []T, end *Position, err error) {
	if q.Nothing {
		return nil, nil, nil
	}
	accounts, err := q.accounts(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	s, err := q.chooseSource(ctx, db, q.sources(accounts), limit)
	if err != nil {
		return nil, nil, err
	}
	return t.selectFrom(ctx, db, q, s, accounts, after, limit)
}

// selectFrom is Select with a given source.
func (t Table[T]) selectFrom(
	ctx context.Context, db database.Queryer, q *Query, s *source, accounts []uuid.UUID, after *Position, limit int,
) (orders []T, end *Position, err error) {
	for _, scan := range q.windows(s) {
		if scan > 0 {
			if end, err = q.findEnd(ctx, db, s, after, scan); err != nil {
				return nil, nil, err
			}
		}
		found, err := t.readLists(ctx, db, q, s, accounts, after, end, limit-len(orders))
		if err != nil {
			return nil, nil, err
		}
		orders = append(orders, found...)
		if len(orders) == limit || end == nil {
			return orders, nil, nil
		}
		after = end
	}
	return orders, end, nil
}

// windows returns how many entries of each list to read at a time, 0 for as many as the page needs. A
// page that is expected to be full early is read in two windows: a search for the end of a window reads
// all of its entries, in the index alone.
func (q *Query) windows(s *source) []int {
	most := cmp.Or(q.scan, scanLimit)
	isShort := s.entries > 0 && s.entries <= float64(most)/2
	if s.sortedBy != q.column() || q.isExact(s) || isShort {
		return []int{0}
	}
	const margin = 3
	if first := int(margin * s.fill / float64(len(s.lists))); first > 0 && first <= most*3/4 {
		return []int{first, most - first}
	}
	return []int{most}
}

// readLists returns the orders of the lists of a source between two positions, in the search's order.
func (t Table[T]) readLists(
	ctx context.Context, db database.Queryer, q *Query, s *source, accounts []uuid.UUID, after, end *Position, limit int,
) (orders []T, err error) {
	for i := range s.lists {
		text := q.statement(t.Columns, s, &s.lists[i], accounts, after, end, limit)
		found, err := database.Collect(ctx, db, t.Scan, text.text.String(), text.args...)
		if err != nil {
			return nil, err
		}
		orders = append(orders, found...)
	}
	if len(s.lists) > 1 {
		orders = t.merge(q, orders)
	}
	return orders[:min(len(orders), limit)], nil
}

// merge sorts the orders of several lists. An order that has moved from one list to another between the
// statements is in the result once.
func (t Table[T]) merge(q *Query, orders []T) []T {
	slices.SortStableFunc(orders, func(a, b T) int { return q.compare(q.position(t.Key(&a)), q.position(t.Key(&b))) })
	return slices.CompactFunc(orders, func(a, b T) bool { return t.Key(&a).ID == t.Key(&b).ID })
}

// compare compares positions in the order of the search.
func (q *Query) compare(a, b Position) int {
	c := database.CompareIDs(a.ID, b.ID)
	if a.Value != b.Value {
		c = -1
		if a.Value > b.Value {
			c = 1
		}
	}
	if q.descends() {
		return -c
	}
	return c
}

// findEnd returns the position up to which so many entries of each list of a source are read, nil if
// all lists end before.
func (q *Query) findEnd(ctx context.Context, db database.Queryer, s *source, after *Position, scan int) (end *Position, err error) {
	for i := range s.lists {
		l := &s.lists[i]
		text := &statement{}
		text.add(`SELECT ` + l.id)
		if column := q.column(); column != "" {
			text.add(`, o.` + column)
		}
		text.add(` FROM `+l.table+l.alias()+` FORCE INDEX (`+l.hint+`) WHERE `+l.condition, l.args...)
		q.addCreated(text, l.id)
		q.addAfter(text, l.id, after)
		q.addOrder(text, l.id)
		text.add(` LIMIT 1 OFFSET ?`, scan-1)
		last, err := database.Collect(ctx, db, q.scanPosition, text.text.String(), text.args...)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 && (end == nil || q.compare(last[0], *end) < 0) {
			end = &last[0]
		}
	}
	return end, nil
}

// scanPosition scans the id and the column of the order.
func (q *Query) scanPosition(row database.Scanner) (Position, error) {
	var key Key
	var err error
	switch q.column() {
	case "total_amount":
		err = row.Scan(&key.ID, &key.Total)
	case "updated_at":
		err = row.Scan(&key.ID, &key.UpdatedAt)
	default:
		err = row.Scan(&key.ID)
	}
	return q.position(key), err
}

// statement returns the statement that reads orders from a list. If it reads more orders than it
// returns, it first selects their ids: reading and sorting all columns of the others costs several
// times as much as reading the list.
func (q *Query) statement(columns string, s *source, l *list, accounts []uuid.UUID, after, end *Position, limit int) *statement {
	text := &statement{}
	if s.sortedBy == q.column() && q.isExact(s) {
		q.addList(text, columns, s, l, accounts, after, end, limit)
		return text
	}
	text.add(`SELECT STRAIGHT_JOIN ` + columns + ` FROM (`)
	q.addList(text, l.id+` AS hit`, s, l, accounts, after, end, limit)
	text.add(`) h JOIN orders o FORCE INDEX (PRIMARY) ON o.id = h.hit`)
	q.addOrder(text, `o.id`)
	return text
}

// addList adds the query that reads orders from a list. STRAIGHT_JOIN reads the tables in the order of
// the statement. Without it the servers read and sort all orders, because they do not expect the page to
// fill early.
func (q *Query) addList(text *statement, columns string, s *source, l *list, accounts []uuid.UUID, after, end *Position, limit int) {
	text.add(`SELECT STRAIGHT_JOIN ` + columns + ` FROM ` + l.table + l.alias() + ` FORCE INDEX (` + l.hint + `)`)
	for i, word := range q.Words {
		if word != s.word {
			w := `w` + strconv.Itoa(i)
			text.add(` JOIN order_word `+w+` FORCE INDEX (PRIMARY) ON `+w+`.word = ? AND `+w+`.order_id = `+l.id, word)
		}
	}
	if q.Product.Valid && !slices.Contains(s.fulfils, byProduct) {
		text.add(` JOIN order_item p FORCE INDEX (order_item_by_product) ON p.product_id = ? AND p.order_id = `+l.id, q.Product.UUID[:])
	}
	if q.Tag != "" && !slices.Contains(s.fulfils, byTag) {
		text.add(` JOIN order_tag k FORCE INDEX (PRIMARY) ON k.tag = ? AND k.order_id = `+l.id, q.Tag)
	}
	if l.joins {
		text.add(` JOIN orders o FORCE INDEX (PRIMARY) ON o.id = ` + l.id)
	}
	if q.Mailbox != uuid.Nil && !slices.Contains(s.fulfils, byMailbox) {
		text.add(` LEFT JOIN guest_order m FORCE INDEX (PRIMARY) ON m.order_id = o.id`)
	}
	text.add(` WHERE `+l.condition, l.args...)
	q.addCreated(text, l.id)
	q.addFilters(text, s, accounts)
	q.addAfter(text, l.id, after)
	q.addEnd(text, l.id, end)
	q.addOrder(text, l.id)
	text.add(` LIMIT ?`, limit)
}
