package product

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
)

// editableColumns are the columns that an update writes, in the order of editableValues.
const editableColumns = `name, description, category, price_amount, price_currency, status, images, attributes`

const productColumns = `id, sku, ` + editableColumns + `, available, version, created_at, updated_at`

// assignments are the assignments of an UPDATE of the editable columns.
var assignments = strings.ReplaceAll(editableColumns, `,`, ` = ?,`) + ` = ?`

// editableValues returns pointers to the values of editableColumns.
func (p *Product) editableValues() []any {
	return []any{&p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency, &p.Status, &p.Images, &p.Attributes}
}

// values returns the values of productColumns, which are pointers except for the id.
func (p *Product) values(id any) []any {
	return slices.Concat([]any{id, &p.SKU}, p.editableValues(), []any{&p.Available, &p.Version, &p.CreatedAt, &p.UpdatedAt})
}

// scanInto returns where the columns of a product are scanned into.
func (p *Product) scanInto() []any { return p.values(&p.ID) }

func scanProduct(row database.Scanner) (p Product, err error) {
	err = row.Scan(p.scanInto()...)
	return p, err
}

func insertProducts(ctx context.Context, q database.Queryer, products ...Product) error {
	rows := make([][]any, len(products))
	for i := range products {
		p := &products[i]
		rows[i] = p.values(p.ID[:])
	}
	return database.InsertRows(ctx, q, `product (`+productColumns+`)`, "", rows)
}

func selectProduct(ctx context.Context, q database.Queryer, id uuid.UUID) (Product, error) {
	return database.Get(ctx, q, scanProduct, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?`, id[:])
}

func lockProduct(ctx context.Context, q database.Queryer, id uuid.UUID) (Product, error) {
	return database.Get(ctx, q, scanProduct, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?
		FOR UPDATE`, id[:])
}

func updateProduct(ctx context.Context, q database.Queryer, p Product) error {
	_, err := q.ExecContext(ctx, `
		UPDATE product
		SET `+assignments+`, version = ?, updated_at = ?
		WHERE id = ?`, append(p.editableValues(), p.Version, p.UpdatedAt, p.ID[:])...)
	return err
}

// selectCategories returns the categories of active products after one, in alphabetical
// order. It reads one index entry per category, however many products are in it.
func selectCategories(ctx context.Context, q database.Queryer, after string, limit int) ([]Category, error) {
	return database.Collect(ctx, q, scanCategory, `
		SELECT DISTINCT category
		FROM product
		WHERE status = ? AND category > ?
		ORDER BY category
		LIMIT ?`, Active, after, limit)
}

func scanCategory(row database.Scanner) (c Category, err error) {
	err = row.Scan(&c.Name)
	return c, err
}
