package product

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
)

// editableColumns are the columns that an update writes, in the order of editableValues.
const editableColumns = `name, description, category, price_amount, price_currency, tax_class, weight, status, images, attributes, low_stock_at`

const productColumns = `id, sku, ` + editableColumns + `, available, reserved, version, created_at, updated_at`

// assignments are the assignments of an UPDATE of the editable columns.
var assignments = strings.ReplaceAll(editableColumns, `,`, ` = ?,`) + ` = ?`

// editableValues returns pointers to the values of editableColumns.
func (p *Product) editableValues() []any {
	return []any{&p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency, &p.TaxClass, &p.Weight, &p.Status, &p.Images, &p.Attributes, &p.LowStockAt}
}

// values returns the values of productColumns, which are pointers except for the id.
func (p *Product) values(id any) []any {
	return slices.Concat([]any{id, &p.SKU}, p.editableValues(), []any{&p.Available, &p.Reserved, &p.Version, &p.CreatedAt, &p.UpdatedAt})
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

// selectProducts returns the products with ids, by id. The statement has as many
// placeholders as the next power of two, so that the server sees few different statements.
func selectProducts(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]Product, error) {
	args := database.IDs(ids)
	for n := 1 << bits.Len(uint(len(ids)-1)); len(args) < n; {
		args = append(args, args[0])
	}
	products := make(map[uuid.UUID]Product, len(ids))
	return products, database.Each(ctx, q, func(row database.Scanner) error {
		p, err := scanProduct(row)
		products[p.ID] = p
		return err
	}, `
		SELECT `+productColumns+`
		FROM product
		WHERE id IN (`+database.Placeholders(len(args))+`)`, args...)
}

// lockProducts locks products and returns them, in the order of their ids. Reservations lock them
// in this order, too, so that the two do not deadlock.
func lockProducts(ctx context.Context, q database.Queryer, ids []uuid.UUID) ([]Product, error) {
	return database.Collect(ctx, q, scanProduct, `
		SELECT `+productColumns+`
		FROM product
		WHERE id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE`, database.IDs(ids)...)
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
// order. It reads one index entry per category, however many products are in it, by a
// statement each: whether a server skips the other entries in one statement depends on its
// statistics, and if it does not, it reads those of all products.
func selectCategories(ctx context.Context, q database.Queryer, after string, limit int) ([]Category, error) {
	categories := []Category{}
	for len(categories) < limit {
		next, err := database.Get(ctx, q, database.ScanColumn[string], `
			SELECT category
			FROM product FORCE INDEX (product_by_category)
			WHERE status = ? AND category > ?
			ORDER BY category
			LIMIT 1`, Active, after)
		if errors.Is(err, database.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		categories = append(categories, Category{Name: next})
		after = next
	}
	return categories, nil
}

// selectBySKU returns the products whose SKUs match a pattern of LIKE, after a SKU, by SKU.
func selectBySKU(ctx context.Context, q database.Queryer, pattern, after string, limit int) ([]Product, error) {
	return database.Collect(ctx, q, scanProduct, `
		SELECT `+productColumns+`
		FROM product FORCE INDEX (product_by_sku)
		WHERE sku LIKE ? AND sku > ?
		ORDER BY sku
		LIMIT ?`, pattern, after, limit)
}
