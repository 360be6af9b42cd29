package search

import (
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// afterLetters is a character after all of a number.
const afterLetters = "["

// addCreated adds the range of ids of the interval of creation.
func (q *Query) addCreated(s *statement, id string) {
	from, before := q.Created.ids()
	if !q.Created.From.IsZero() {
		s.add(` AND `+id+` >= ?`, from[:])
	}
	if !q.Created.To.IsZero() {
		s.add(` AND `+id+` < ?`, before[:])
	}
}

// addFilters adds the conditions of the filters that a source does not fulfil, besides words and products.
func (q *Query) addFilters(s *statement, from *source, accounts []uuid.UUID) {
	needs := func(f filter) bool { return !slices.Contains(from.fulfils, f) }
	if q.Number != "" && needs(byNumber) {
		s.add(` AND o.number >= ? AND o.number < ?`, q.Number, q.Number+afterLetters)
	}
	if q.Customer.Valid && needs(byCustomer) {
		s.add(` AND o.user_id = ?`, q.Customer.UUID[:])
	}
	if len(q.Statuses) > 0 && needs(byStatus) {
		s.add(` AND o.status IN (`+database.Placeholders(len(q.Statuses))+`)`, database.Args(q.Statuses)...)
	}
	if q.hasTotals() && needs(byTotal) {
		s.add(` AND o.total_currency = ?`, q.Currency)
		if q.hasTotalRange() {
			s.add(` AND o.total_amount >= ? AND o.total_amount <= ?`, q.MinTotal, q.MaxTotal)
		}
	}
	if q.Mailbox != uuid.Nil && needs(byMailbox) {
		s.add(` AND (m.mailbox = ?`, q.Mailbox[:])
		if len(accounts) > 0 {
			s.add(` OR o.user_id IN (`+database.Placeholders(len(accounts))+`)`, database.IDs(accounts)...)
		}
		s.add(`)`)
	}
	s.addInterval(`o.created_at`, q.Created)
	if needs(byUpdate) {
		s.addInterval(`o.updated_at`, q.Updated)
	}
}

func (s *statement) addInterval(column string, interval Interval) {
	if !interval.From.IsZero() {
		s.add(` AND `+column+` >= ?`, interval.From)
	}
	if !interval.To.IsZero() {
		s.add(` AND `+column+` < ?`, interval.To)
	}
}

// addAfter adds the condition that excludes orders up to a position. In an order by a column, its two
// parts are two ranges of the index, read one after the other.
func (q *Query) addAfter(s *statement, id string, after *Position) {
	if after == nil {
		return
	}
	operator := ` > `
	if q.descends() {
		operator = ` < `
	}
	q.addComparison(s, id, operator, operator, after)
}

// addEnd adds the condition that excludes orders after a position.
func (q *Query) addEnd(s *statement, id string, end *Position) {
	if end == nil {
		return
	}
	operator := ` < `
	if q.descends() {
		operator = ` > `
	}
	q.addComparison(s, id, operator, operator[:2]+`= `, end)
}

// addComparison adds the comparison of an order's key with a position.
func (q *Query) addComparison(s *statement, id, operator, last string, p *Position) {
	column := q.column()
	if column == "" {
		s.add(` AND `+id+last+`?`, p.ID[:])
		return
	}
	value := q.columnValue(*p)
	s.add(` AND (o.`+column+operator+`? OR o.`+column+` = ? AND `+id+last+`?)`, value, value, p.ID[:])
}

// addOrder adds the order of the search.
func (q *Query) addOrder(s *statement, id string) {
	direction := ``
	if q.descends() {
		direction = ` DESC`
	}
	s.add(` ORDER BY `)
	if column := q.column(); column != "" {
		s.add(`o.` + column + direction + `, `)
	}
	s.add(id + direction)
}
