package search

import (
	"context"
	"fmt"
	"strings"

	"souk/shared/database"
)

// estimator estimates numbers of rows. It has the server explain queries, which it does not
// execute: InnoDB estimates the rows of a range from the pages at its two ends, in the same
// time for 100 rows and for 1,000,000. The estimate is exact for few rows, within a factor of
// about two for many, and at least 1.
type estimator struct {
	queryBuilder
	targets []*float64
}

// addTerm adds the products with a term.
func (e *estimator) addTerm(t term, target *float64) {
	e.addQuery(target)
	e.add(t.table()+` c FORCE INDEX (PRIMARY) WHERE word = ? AND in_name = 0`, t.word)
}

// addProducts adds the products that pass filters, which index can find without reading
// others. The index is not forced, because MySQL would not estimate.
func (e *estimator) addProducts(index string, filters Query, target *float64) {
	e.addQuery(target)
	e.add(`product c USE INDEX (`+index+`) WHERE status = ?`, filters.status())
	filters.addFilters(&e.queryBuilder)
}

func (e *estimator) addQuery(target *float64) {
	e.targets = append(e.targets, target)
	e.add(` UNION ALL SELECT 1 FROM `)
}

// run estimates all numbers in one statement.
func (e *estimator) run(ctx context.Context, q database.Queryer) error {
	counts, err := database.EstimateRows(ctx, q, strings.TrimPrefix(e.text.String(), ` UNION ALL `), e.args...)
	if err != nil {
		return err
	}
	if len(counts) != len(e.targets) {
		return fmt.Errorf("estimate rows: %d estimates of %d queries", len(counts), len(e.targets))
	}
	for i, count := range counts {
		*e.targets[i] = max(count, 1)
	}
	return nil
}
