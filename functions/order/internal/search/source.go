package search

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// A filter is a part of a query that a source may fulfil.
type filter int

const (
	byWord filter = iota // each word is a filter of its own, besides
	byNumber
	byMailbox
	byCustomer
	byProduct
	byTag
	byStatus
	byCreation
	byUpdate
	byTotal
)

// source is a way in which a search can read the orders: a list of orders by an index, or several lists
// that have no order in common.
type source struct {
	lists    []list
	fulfils  []filter
	word     string // of byWord
	sortedBy string // the column of its order besides the id
	// entries is the estimated number of entries of all lists.
	entries float64
	// fill is the number of entries among which a page is expected, 0 if there is no estimate.
	fill float64
}

// list is a part of an index.
type list struct {
	table     string // with its index
	hint      string // the index, for estimates
	condition string
	args      []any
	id        string // the column of the order's id
	joins     bool   // the table is another than orders
}

// ordersBy returns a list of the table orders.
func ordersBy(index, condition string, args ...any) list {
	return list{table: `orders`, hint: index, condition: condition, args: args, id: `o.id`}
}

// otherBy returns a list of another table, which has the ids of orders.
func otherBy(table, alias, index, condition string, args ...any) list {
	return list{table: table + ` ` + alias, hint: index, condition: condition, args: args, id: alias + `.order_id`, joins: true}
}

// sources returns the ways to read the orders of a search. The first has the order of the search.
func (q *Query) sources(accounts []uuid.UUID) []source {
	all := []source{q.inOrder()}
	add := func(s source) { all = append(all, s) }
	for _, word := range q.Words {
		add(source{lists: []list{otherBy(`order_word`, `w`, `PRIMARY`, `w.word = ?`, word)}, fulfils: []filter{byWord, byCreation}, word: word})
	}
	if q.Number != "" {
		add(source{lists: []list{ordersBy(`orders_by_number`, `o.number >= ? AND o.number < ?`, q.Number, q.Number+afterLetters)}, fulfils: []filter{byNumber}, sortedBy: "number"})
	}
	if q.Mailbox != uuid.Nil {
		add(q.ofMailbox(accounts))
	}
	if q.Customer.Valid {
		add(source{lists: []list{ordersBy(`orders_by_user`, `o.user_id = ?`, q.Customer.UUID[:])}, fulfils: []filter{byCustomer, byCreation}})
	}
	if q.Product.Valid {
		add(source{lists: []list{otherBy(`order_item`, `i`, `order_item_by_product`, `i.product_id = ?`, q.Product.UUID[:])}, fulfils: []filter{byProduct, byCreation}})
	}
	if q.Tag != "" {
		add(source{lists: []list{otherBy(`order_tag`, `t`, `PRIMARY`, `t.tag = ?`, q.Tag)}, fulfils: []filter{byTag, byCreation}})
	}
	if len(q.Statuses) > 0 {
		add(q.inStatuses())
	}
	if !q.Updated.isZero() && q.column() != "updated_at" {
		add(q.updated())
	}
	if q.hasTotals() && q.column() != "total_amount" {
		add(q.totals())
	}
	return all
}

// inOrder returns the source that has the order of the search, and few filters.
func (q *Query) inOrder() source {
	switch q.column() {
	case "total_amount":
		return q.totals()
	case "updated_at":
		return q.updated()
	}
	return source{lists: []list{ordersBy(`PRIMARY`, `1 = 1`)}, fulfils: []filter{byCreation}}
}

func (q *Query) totals() source {
	s := source{lists: []list{ordersBy(`orders_by_total`, `o.total_currency = ?`, q.Currency)}, fulfils: []filter{byTotal}, sortedBy: "total_amount"}
	if q.hasTotalRange() {
		s.lists[0].condition += ` AND o.total_amount >= ? AND o.total_amount <= ?`
		s.lists[0].args = append(s.lists[0].args, q.MinTotal, q.MaxTotal)
	}
	return s
}

func (q *Query) updated() source {
	conditions := &statement{}
	conditions.add(`1 = 1`)
	conditions.addInterval(`o.updated_at`, q.Updated)
	l := ordersBy(`orders_by_update`, conditions.text.String(), conditions.args...)
	return source{lists: []list{l}, fulfils: []filter{byUpdate}, sortedBy: "updated_at"}
}

// ofMailbox returns the orders of guests with an address, and those of the accounts with it.
func (q *Query) ofMailbox(accounts []uuid.UUID) source {
	s := source{lists: []list{otherBy(`guest_order`, `g`, `guest_order_by_mailbox`, `g.mailbox = ?`, q.Mailbox[:])}, fulfils: []filter{byMailbox, byCreation}}
	for _, id := range accounts {
		s.lists = append(s.lists, ordersBy(`orders_by_user`, `o.user_id = ?`, id[:]))
	}
	return s
}

// inStatuses returns a list for each status, of the customer if the search has one.
func (q *Query) inStatuses() source {
	s := source{fulfils: []filter{byStatus, byCreation}}
	if q.Customer.Valid {
		s.fulfils = append(s.fulfils, byCustomer)
	}
	for _, status := range q.Statuses {
		if q.Customer.Valid {
			s.lists = append(s.lists, ordersBy(`orders_by_user_status`, `o.user_id = ? AND o.status = ?`, q.Customer.UUID[:], status))
		} else {
			s.lists = append(s.lists, ordersBy(`orders_by_status`, `o.status = ?`, status))
		}
	}
	return s
}

// filters returns the filters of the search besides its words.
func (q *Query) filters() []filter {
	var all []filter
	for f, isSet := range map[filter]bool{
		byNumber: q.Number != "", byMailbox: q.Mailbox != uuid.Nil, byCustomer: q.Customer.Valid, byProduct: q.Product.Valid, byTag: q.Tag != "",
		byStatus: len(q.Statuses) > 0, byCreation: !q.Created.isZero(), byUpdate: !q.Updated.isZero(), byTotal: q.hasTotals(),
	} {
		if isSet {
			all = append(all, f)
		}
	}
	return all
}

// isExact reports whether all orders of a source are in the result of the search.
func (q *Query) isExact(s *source) bool {
	for _, f := range q.filters() {
		if !slices.Contains(s.fulfils, f) {
			return false
		}
	}
	return len(q.Words) == 0 || len(q.Words) == 1 && s.word != ""
}

// accounts returns the accounts with the address of the search.
func (q *Query) accounts(ctx context.Context, db database.Queryer) ([]uuid.UUID, error) {
	if q.Mailbox == uuid.Nil {
		return nil, nil
	}
	return database.Collect(ctx, db, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM customer FORCE INDEX (customer_by_mailbox)
		WHERE mailbox = ?
		LIMIT 10`, q.Mailbox[:])
}
