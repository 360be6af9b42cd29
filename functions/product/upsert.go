package product

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
	"souk/shared/trail"
)

// Outcome is the result of one line of an import.
type Outcome string

// The outcomes of a line.
const (
	LineCreated   Outcome = "created"
	LineUpdated   Outcome = "updated"
	LineUnchanged Outcome = "unchanged"
	LineFailed    Outcome = "failed"
)

// LineResult is the result of one line of an import, as the response reports it.
type LineResult struct {
	Line    int              `json:"line" doc:"The number of the line in the file, from 1."`
	SKU     string           `json:"sku,omitempty"`
	ID      *uuid.UUID       `json:"id,omitempty" format:"uuid"`
	Outcome Outcome          `json:"outcome" enum:"created,updated,unchanged,failed"`
	Errors  []api.FieldError `json:"errors,omitempty"`

	stockIgnored, deltaRepeated bool // for the summary
}

// maxReportedSKU is the number of characters to which the SKU of a failed line is
// truncated.
const maxReportedSKU = 64

// failed returns the result of a line with errors.
func failed(line int, sku string, errs ...api.FieldError) LineResult {
	if runes := []rune(sku[:min(len(sku), utf8.UTFMax*maxReportedSKU)]); len(runes) > maxReportedSKU {
		sku = string(runes[:maxReportedSKU])
	}
	return LineResult{Line: line, SKU: strings.ToValidUTF8(sku, ""), Outcome: LineFailed, Errors: errs}
}

// importLine is a valid record and the number of its line.
type importLine struct {
	number int
	record
}

// importSource identifies an import and the account or key that sent it.
type importSource struct{ id, by uuid.UUID }

// key returns the SKU in the form in which the database compares SKUs.
func (r record) key() string { return strings.ToLower(r.SKU) }

// upsert creates or updates the products of lines, and returns the result of each line.
// The lines must have different SKUs.
func (s *service) upsert(ctx context.Context, tx *database.Tx, lines []importLine, source importSource) ([]LineResult, error) {
	u := upsertBatch{service: s, source: source, now: s.Now()}
	products, err := u.lock(ctx, tx, lines)
	if err != nil {
		return nil, err
	}
	results := make([]LineResult, len(lines))
	for i, line := range lines {
		if p := products[line.key()]; p != nil {
			results[i], err = u.update(ctx, tx, line, *p)
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
	if err := insertMovements(ctx, tx, u.movements...); err != nil {
		return nil, err
	}
	if err := writeWords(ctx, tx, slices.Concat(u.created, u.changed, u.unchanged)...); err != nil {
		return nil, err
	}
	if len(u.low) > 0 {
		if err := topicStockLow.AddBatch(ctx, tx, s.Outbox, u.low...); err != nil {
			return nil, fmt.Errorf("notify of %d products with low stock: %w", len(u.low), err)
		}
	}
	if err := trail.Record(ctx, tx, u.entries...); err != nil {
		return nil, err
	}
	return results, s.publishChanged(ctx, tx, append(u.created, u.changed...)...)
}

// upsertBatch collects the rows that are inserted for all lines in one statement.
type upsertBatch struct {
	*service
	source    importSource
	now       time.Time
	applied   map[int]movement // movements of earlier requests with the same import id, by line
	created   []Product
	changed   []Product
	unchanged []Product // except for the stock; their words are corrected if they are wrong
	movements []movement
	low       []event.AddParams[StockLow]
	entries   []trail.Change
}

// lock locks the products of lines and returns them by key. It then reads the movements
// of the lines that an earlier request has applied.
func (u *upsertBatch) lock(ctx context.Context, tx *database.Tx, lines []importLine) (map[string]*Product, error) {
	skus := make([]string, len(lines))
	var deltaLines []int
	for i := range lines {
		skus[i] = lines[i].SKU
		if lines[i].StockDelta != nil {
			deltaLines = append(deltaLines, lines[i].number)
		}
	}
	locked, err := lockProductsBySKU(ctx, tx, skus)
	if err != nil {
		return nil, fmt.Errorf("lock products of %d lines: %w", len(lines), err)
	}
	if u.applied, err = selectImportMovements(ctx, tx, u.source.id, deltaLines); err != nil {
		return nil, fmt.Errorf("read movements of import %s: %w", u.source.id, err)
	}
	products := map[string]*Product{}
	for i := range locked {
		products[strings.ToLower(locked[i].SKU)] = &locked[i]
	}
	return products, nil
}

// create adds a new product for a line.
func (u *upsertBatch) create(line importLine) (LineResult, error) {
	var errs []api.FieldError
	for _, name := range line.missing() {
		errs = append(errs, api.FieldError{Location: name, Code: api.FieldRequired, Message: requiredMessage})
	}
	if line.Price != nil {
		if err := money.CheckCurrency(line.Price.In(u.settings.Currency).Currency); err != nil {
			errs = append(errs, api.FieldError{Location: "price.currency", Code: api.FieldFormat, Message: err.Error()})
		}
	}
	if line.StockDelta != nil && *line.StockDelta < 0 {
		errs = append(errs, notInStock(0))
	}
	if errs != nil {
		return failed(line.number, line.SKU, errs...), nil
	}
	p, err := line.product(u.settings, u.now)
	if err != nil {
		return LineResult{}, err
	}
	set(&p.Status, line.Status)
	set(&p.Available, line.StockDelta) // a line has only one of stock and stockDelta
	u.created, u.entries = append(u.created, p), append(u.entries, p.change(Product{}, u.now))
	u.addMovement(line, p.ID, p.Available, "first stock")
	return LineResult{Line: line.number, SKU: p.SKU, ID: &p.ID, Outcome: LineCreated}, nil
}

const requiredMessage = "is required, because there is no product with this SKU yet"

// update updates a product that this transaction has locked, so that its stock is
// current. It does not write a product that the line leaves unchanged.
func (u *upsertBatch) update(ctx context.Context, tx *database.Tx, line importLine, p Product) (LineResult, error) {
	result := LineResult{Line: line.number, SKU: p.SKU, ID: &p.ID, Outcome: LineUnchanged, stockIgnored: line.Stock != nil}
	delta, errs := u.delta(line, p)
	result.deltaRepeated = line.StockDelta != nil && *line.StockDelta != 0 && delta == 0
	if line.Price != nil && line.Price.In(p.Price.Currency).Currency != p.Price.Currency {
		errs = append(errs, api.FieldError{Location: "price.currency", Code: api.FieldValue, Message: "must be " + p.Price.Currency + ", because the currency of a product cannot change"})
	}
	if len(errs) > 0 {
		return failed(line.number, p.SKU, errs...), nil
	}
	before := p
	if line.apply(&p) {
		p.Version++
		p.UpdatedAt = u.now
		if err := updateProduct(ctx, tx, p); err != nil {
			return result, err
		}
		u.changed = append(u.changed, p)
		result.Outcome = LineUpdated
	} else {
		u.unchanged = append(u.unchanged, p)
	}
	if delta == 0 {
		u.entries = append(u.entries, p.change(before, u.now))
		return result, nil
	}
	if moved, err := moveStock(ctx, tx, p.ID, delta); err != nil || !moved {
		return result, fmt.Errorf("move stock by %d: moved %t: %w", delta, moved, err)
	}
	u.addMovement(line, p.ID, delta, "import")
	p.Available += delta
	u.low = append(u.low, p.newStockLow(delta)...)
	u.entries = append(u.entries, p.change(before, u.now))
	result.Outcome = LineUpdated
	return result, nil
}

// delta returns the change of the stock by a line, or 0 if an earlier request has applied
// the line.
func (u *upsertBatch) delta(line importLine, p Product) (int64, []api.FieldError) {
	if line.StockDelta == nil {
		return 0, nil
	}
	delta := *line.StockDelta
	if earlier, repeated := u.applied[line.number]; repeated {
		if earlier.ProductID == p.ID && earlier.Delta == delta {
			return 0, nil
		}
		return 0, []api.FieldError{{
			Location: "stockDelta", Code: api.FieldValue,
			Message: "an import with the same importId has applied another product or stockDelta in this line: send a new file with a new importId",
		}}
	}
	switch stock := p.Available + delta; {
	case stock < 0:
		return 0, []api.FieldError{notInStock(p.Available)}
	case stock > MaxStock:
		return 0, []api.FieldError{{Location: "stockDelta", Code: api.FieldRange, Message: fmt.Sprintf("is too large: the stock is %d and may be at most %d", p.Available, MaxStock)}}
	}
	return delta, nil
}

func notInStock(available int64) api.FieldError {
	return api.FieldError{Location: "stockDelta", Code: api.FieldRange, Message: fmt.Sprintf("only %d units are in stock: remove at most that many", available)}
}

// addMovement adds the movement of a line's stock.
func (u *upsertBatch) addMovement(line importLine, product uuid.UUID, delta int64, reason string) {
	u.movements = append(u.movements, movement{
		ProductID: product, Delta: delta, Reason: reason, By: u.source.by, At: u.now,
		importID: u.source.id[:], importLine: line.number,
	})
}
