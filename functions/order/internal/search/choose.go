package search

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
)

const (
	// scanLimit is how many entries of a list a request reads at most. The next page continues there.
	scanLimit = 2_000
	// collectLimit is how many estimated entries a list may have that is read as a whole and sorted. Each
	// costs the lookup of an order, twice as much as that of a word.
	collectLimit = 2_000
	// skew is how much rarer than expected the orders may be that pass all filters, for example because
	// two words exclude each other.
	skew = 16
)

// chooseSource returns the source that is expected to read the fewest entries. A source in the order of
// the search ends at a full page; another is read as a whole, and is chosen only if it is short.
func (q *Query) chooseSource(ctx context.Context, db database.Queryer, sources []source, limit int) (*source, error) {
	for i := range sources {
		if s := &sources[i]; s.sortedBy == q.column() && q.isExact(s) {
			return s, nil
		}
	}
	if len(sources) == 1 {
		return &sources[0], nil
	}
	all, created, err := q.estimate(ctx, db, sources)
	if err != nil {
		return nil, err
	}
	hits := q.expectedHits(sources, all, created)
	best, lowest := &sources[0], q.cost(&sources[0], hits, limit)
	for i := range sources[1:] {
		s := &sources[i+1]
		if cost := q.cost(s, hits, limit); cost < lowest {
			best, lowest = s, cost
		}
	}
	best.fill = float64(limit) * max(best.entries/max(hits, 1), 1)
	return best, nil
}

// cost returns the expected number of entries to read.
func (q *Query) cost(s *source, hits float64, limit int) float64 {
	if s.sortedBy == q.column() {
		return min(s.entries, skew*float64(limit)*max(s.entries/max(hits, 1), 1)) + float64(len(s.lists))
	}
	if s.entries > collectLimit {
		return 1e12
	}
	const sorting = 1.5 // it costs half as much as reading
	return sorting * s.entries
}

// expectedHits returns the number of orders in the result, if the filters are independent of each other.
func (q *Query) expectedHits(sources []source, all, created float64) float64 {
	hits := created
	for i := range sources {
		s := &sources[i]
		switch {
		case i == 0 && s.sortedBy == "": // all orders
		case q.Customer.Valid && len(q.Statuses) > 0 && len(s.fulfils) == 2 && s.fulfils[0] == byCustomer:
			// the lists of the customer and the statuses have it
		case s.fulfils[len(s.fulfils)-1] == byCustomer || len(s.fulfils) > 1:
			hits *= min(1, s.entries/max(created, 1))
		default:
			hits *= min(1, s.entries/max(all, 1))
		}
	}
	return hits
}

// estimate sets the estimated numbers of entries of sources, with one statement that is not executed, and
// returns those of all orders and of those in the interval of creation. InnoDB reads the pages at both
// ends of a range: the estimate is exact for few entries, and within a factor of two for many.
func (q *Query) estimate(ctx context.Context, db database.Queryer, sources []source) (all, created float64, err error) {
	targets := []*float64{&all, &created}
	s := &statement{}
	s.add(`SELECT 1 FROM orders o USE INDEX (PRIMARY) WHERE o.id > ?`, uuid.Nil[:])
	s.add(` UNION ALL SELECT 1 FROM orders o USE INDEX (PRIMARY) WHERE o.id > ?`, uuid.Nil[:])
	q.addCreated(s, `o.id`)
	for i := range sources {
		for j := range sources[i].lists {
			l := &sources[i].lists[j]
			s.add(` UNION ALL SELECT 1 FROM `+l.table+l.alias()+` USE INDEX (`+l.hint+`) WHERE `+l.condition, l.args...)
			if sources[i].sortedBy == "" {
				q.addCreated(s, l.id)
			}
			targets = append(targets, &sources[i].entries)
		}
	}
	counts, err := database.EstimateRows(ctx, db, s.text.String(), s.args...)
	if err != nil {
		return 0, 0, err
	}
	if len(counts) != len(targets) {
		return 0, 0, fmt.Errorf("estimate rows: %d estimates of %d queries", len(counts), len(targets))
	}
	for i, count := range counts {
		*targets[i] += max(count, 1)
	}
	return all, created, nil
}

// alias returns the alias of the table orders, which is the only one that a list's table lacks.
func (l *list) alias() string {
	if l.joins {
		return ""
	}
	return ` o`
}

// statement builds the text of a statement and the arguments of its placeholders.
type statement struct {
	text strings.Builder
	args []any
}

func (s *statement) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}
