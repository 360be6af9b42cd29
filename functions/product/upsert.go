package product

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// Outcome is what came of one line of an import.
type Outcome string

// The outcomes.
const (
	LineCreated   Outcome = "created"
	LineUpdated   Outcome = "updated"
	LineUnchanged Outcome = "unchanged"
	LineFailed    Outcome = "failed"
)

// LineResult tells what came of one line of an import.
type LineResult struct {
	Line    int              `json:"line" doc:"The line, from 1."`
	SKU     string           `json:"sku,omitempty"`
	ID      *uuid.UUID       `json:"id,omitempty" format:"uuid"`
	Outcome Outcome          `json:"outcome" enum:"created,updated,unchanged,failed"`
	Errors  []api.FieldError `json:"errors,omitempty"`
}

func failed(line int, sku string, faults ...api.FieldError) LineResult {
	return LineResult{Line: line, SKU: sku, Outcome: LineFailed, Errors: faults}
}

// importLine is a record that is good in itself, and where it stood.
type importLine struct {
	number int
	record
}

// key is by what two SKUs are the same: as the database compares them.
func (r record) key() string { return strings.ToLower(r.SKU) }

// upsert makes the products of some lines what these say, and tells what it did
// to each. No two of the lines have the same SKU.
func (s *service) upsert(ctx context.Context, tx *database.Tx, lines []importLine, by uuid.UUID) ([]LineResult, error) {
	skus := make([]any, len(lines))
	for i := range lines {
		skus[i] = lines[i].SKU
	}
	there, err := lockProductsBySKU(ctx, tx, skus)
	if err != nil {
		return nil, fmt.Errorf("lock the products of %d lines: %w", len(lines), err)
	}
	known := map[string]*Product{}
	for i := range there {
		known[strings.ToLower(there[i].SKU)] = &there[i]
	}
	u := upserting{service: s, by: by}
	results := make([]LineResult, len(lines))
	for i, line := range lines {
		if p := known[line.key()]; p != nil {
			results[i], err = u.change(ctx, tx, line, *p)
		} else {
			results[i], err = u.create(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d, product %s: %w", line.number, line.SKU, err)
		}
	}
	if err := insertProducts(ctx, tx, u.created...); err != nil {
		return nil, err
	}
	if err := insertMovements(ctx, tx, u.moved...); err != nil {
		return nil, err
	}
	if err := writeWords(ctx, tx, slices.Concat(u.created, u.changed, u.same)...); err != nil {
		return nil, err
	}
	return results, s.tellChanged(ctx, tx, append(u.created, u.changed...)...)
}

// upserting gathers what is written for all lines at once.
type upserting struct {
	*service
	by      uuid.UUID
	created []Product
	changed []Product
	same    []Product // but for the stock: no words change, unless they were not right
	moved   []movement
}

func (u *upserting) create(line importLine) (LineResult, error) {
	var lacking []api.FieldError
	for field, is := range map[string]bool{"name": line.Name != nil, "price": line.Price != nil} {
		if !is {
			lacking = append(lacking, api.FieldError{Location: field, Code: api.FieldRequired, Message: "required: there is no product of that SKU yet"})
		}
	}
	if lacking != nil {
		return failed(line.number, line.SKU, lacking...), nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return LineResult{}, fmt.Errorf("make a product id: %w", err)
	}
	now := u.Now()
	p := Product{
		ID: id, SKU: line.SKU, Status: Active, Images: Images{}, Attributes: Attributes{},
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	line.apply(&p)
	set(&p.Available, line.Stock)
	u.created = append(u.created, p)
	u.moved = append(u.moved, movement{ProductID: id, Delta: p.Available, Reason: "first stock", By: u.by, At: now})
	return LineResult{Line: line.number, SKU: p.SKU, ID: &p.ID, Outcome: LineCreated}, nil
}

// change changes a product that this transaction holds, so its stock, too, is
// what was read. What the line leaves as it is, is not touched.
func (u *upserting) change(ctx context.Context, tx *database.Tx, line importLine, p Product) (LineResult, error) {
	result := LineResult{Line: line.number, SKU: p.SKU, ID: &p.ID, Outcome: LineUnchanged}
	now := u.Now()
	if line.apply(&p) {
		p.Version++
		p.UpdatedAt = now
		if err := updateProduct(ctx, tx, p); err != nil {
			return result, err
		}
		u.changed = append(u.changed, p)
		result.Outcome = LineUpdated
	} else {
		u.same = append(u.same, p)
	}
	if line.Stock != nil && *line.Stock != p.Available {
		delta := *line.Stock - p.Available
		if moved, err := moveStock(ctx, tx, p.ID, delta); err != nil || !moved {
			return result, fmt.Errorf("move its stock by %d: moved %t: %w", delta, moved, err)
		}
		u.moved = append(u.moved, movement{ProductID: p.ID, Delta: delta, Reason: "import", By: u.by, At: now})
		result.Outcome = LineUpdated
	}
	return result, nil
}
