package product

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

const productColumns = `id, sku, name, description, category, price_amount, price_currency,
	available, status, images, attributes, version, created_at, updated_at`

type row interface{ Scan(dest ...any) error }

// scanProduct scans the columns of a product, and then further columns into more.
func scanProduct(r row, more ...any) (p Product, err error) {
	err = r.Scan(append([]any{&p.ID, &p.SKU, &p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency,
		&p.Available, &p.Status, &p.Images, &p.Attributes, &p.Version, &p.CreatedAt, &p.UpdatedAt}, more...)...)
	return p, err
}

func insertProducts(ctx context.Context, q database.Queryer, products ...Product) error {
	rows := make([][]any, len(products))
	for i := range products {
		p := &products[i]
		rows[i] = []any{
			p.ID[:], p.SKU, p.Name, p.Description, p.Category, p.Price.Amount, p.Price.Currency,
			p.Available, p.Status, p.Images, p.Attributes, p.Version, p.CreatedAt, p.UpdatedAt,
		}
	}
	return insertRows(ctx, q, `product (`+productColumns+`)`, rows)
}

func selectProduct(ctx context.Context, q database.Queryer, id uuid.UUID) (Product, error) {
	return scanProduct(q.QueryRowContext(ctx, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?`, id[:]))
}

func lockProduct(ctx context.Context, q database.Queryer, id uuid.UUID) (Product, error) {
	return scanProduct(q.QueryRowContext(ctx, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?
		FOR UPDATE`, id[:]))
}

func updateProduct(ctx context.Context, q database.Queryer, p Product) error {
	_, err := q.ExecContext(ctx, `
		UPDATE product
		SET name = ?, description = ?, category = ?, price_amount = ?, price_currency = ?,
			status = ?, images = ?, attributes = ?, version = ?, updated_at = ?
		WHERE id = ?`,
		p.Name, p.Description, p.Category, p.Price.Amount, p.Price.Currency,
		p.Status, p.Images, p.Attributes, p.Version, p.UpdatedAt, p.ID[:])
	return err
}

// affected reports whether a statement affected a row.
func affected(result interface{ RowsAffected() (int64, error) }, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// selectCategories returns the categories of active products after one, in alphabetical
// order. It reads one index entry per category, however many products are in it.
func selectCategories(ctx context.Context, q database.Queryer, after string, limit int) ([]Category, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT DISTINCT category
		FROM product
		WHERE status = ? AND category > ?
		ORDER BY category
		LIMIT ?`, Active, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var categories []Category
	for rows.Next() {
		var c Category
		if err := rows.Scan(&c.Name); err != nil {
			return nil, err
		}
		categories = append(categories, c)
	}
	return categories, rows.Err()
}
