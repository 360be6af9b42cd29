package audit

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// movements looks for movements of stock that no request and no import has booked,
// or that one has booked twice.
func (a *auditor) movements(ctx context.Context) error {
	for _, check := range []func(context.Context) error{
		a.doubledSources, a.equalMovements, a.missingSources, a.alteredImports, a.firstMovements,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// booking is a source that has moved a product's stock.
type booking struct {
	product uuid.UUID
	source  string
}

// doubledSources finds a request that has moved the stock of a product twice. A key
// that expired may be used again: its next request is another one.
func (a *auditor) doubledSources(ctx context.Context) error {
	var last booking
	var lastAt time.Time
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var b booking
		var at time.Time
		var delta int64
		if err := rows.Scan(&b.product, &b.source, &at, &delta); err != nil {
			return err
		}
		if b == last && at.Sub(lastAt) < retention-slack {
			a.find(MovementDoubled, about("product", b.product), "was moved by %d at %s by the request or line that had moved it at %s",
				delta, at.Format(time.RFC3339Nano), lastAt.Format(time.RFC3339Nano))
		}
		last, lastAt = b, at
		return nil
	}, `
		SELECT m.product_id, m.source, m.moved_at, m.delta
		FROM (
			SELECT product_id, source
			FROM stock_movement
			WHERE source IS NOT NULL
			GROUP BY product_id, source
			HAVING COUNT(*) > 1
		) d
		JOIN stock_movement m ON m.product_id = d.product_id AND m.source = d.source
		ORDER BY m.product_id, m.source, m.moved_at, m.id`)
}

// equalMovements finds movements that are equal to the microsecond, and of which not
// all have the same source: copies.
func (a *auditor) equalMovements(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var delta, count int64
		var at time.Time
		if err := rows.Scan(&id, &delta, &at, &count); err != nil {
			return err
		}
		a.find(MovementDoubled, about("product", id), "was moved by %d at %s %d times", delta, at.Format(time.RFC3339Nano), count)
		return nil
	}, `
		SELECT product_id, delta, moved_at, COUNT(*)
		FROM stock_movement
		GROUP BY product_id, delta, moved_at, reason, moved_by
		HAVING COUNT(*) > 1 AND COUNT(DISTINCT COALESCE(source, id)) > 1
		ORDER BY product_id, moved_at`)
}

// missingSources finds movements without a source. Those from before the first with
// one are of an older version; those that an older version books during a rollout are
// found for a day.
func (a *auditor) missingSources(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var delta int64
		var at time.Time
		if err := rows.Scan(&id, &delta, &at); err != nil {
			return err
		}
		a.find(MovementSource, about("product", id), "was moved by %d at %s, and no request or import is named", delta, at.Format(time.RFC3339Nano))
		return nil
	}, `
		SELECT product_id, delta, moved_at
		FROM stock_movement
		WHERE source IS NULL AND moved_at >= ? AND moved_at >= (
			SELECT MIN(moved_at)
			FROM stock_movement
			WHERE source IS NOT NULL)
		ORDER BY id`, a.retained())
}

// alteredImports finds movements of an import that are not what their line states: the
// source is a hash of import, line, product and delta.
func (a *auditor) alteredImports(ctx context.Context) error {
	number := func(column string) string { return fmt.Sprintf(`UNHEX(LPAD(HEX(%s), 16, '0'))`, column) }
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id, importID uuid.UUID
		var delta, line int64
		if err := rows.Scan(&id, &delta, &importID, &line); err != nil {
			return err
		}
		a.find(MovementSource, about("product", id), "was moved by %d, which line %d of import %s does not state", delta, line, importID)
		return nil
	}, `
		SELECT product_id, delta, import_id, COALESCE(import_line, 0)
		FROM stock_movement
		WHERE import_id IS NOT NULL AND source IS NOT NULL AND (import_line IS NULL
			OR source <> UNHEX(SHA2(CONCAT(import_id, `+number("import_line")+`, product_id, `+number("delta")+`), 256)))
		ORDER BY id`)
}

// firstMovements finds a product with two first movements, or to which an import has
// given a first stock after it was created. A first movement is as old as its product.
func (a *auditor) firstMovements(ctx context.Context) error {
	return a.product.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var first, late int64
		if err := rows.Scan(&id, &first, &late); err != nil {
			return err
		}
		a.find(MovementSource, about("product", id), "has %d first movements, and %d first stocks of an import after it was created", first, late)
		return nil
	}, `
		SELECT p.id, SUM(m.moved_at = p.created_at), SUM(m.moved_at <> p.created_at)
		FROM stock_movement m
		JOIN product p ON p.id = m.product_id
		WHERE m.moved_at = p.created_at OR m.import_id IS NOT NULL AND m.reason <> 'import'
		GROUP BY p.id
		HAVING SUM(m.moved_at = p.created_at) > 1 OR SUM(m.moved_at <> p.created_at) > 0
		ORDER BY p.id`)
}
