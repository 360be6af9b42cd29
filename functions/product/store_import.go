package product

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockProductsBySKU locks products by SKU and returns them. It locks them in the order
// of their ids, as reservations do, so that the two do not deadlock.
func lockProductsBySKU(ctx context.Context, q database.Queryer, skus []any) ([]Product, error) {
	ids, err := selectIDs(ctx, q, skus)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return queryProducts(ctx, q, `
		SELECT `+productColumns+`
		FROM product
		WHERE id IN (`+placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE`, ids...)
}

func selectIDs(ctx context.Context, q database.Queryer, skus []any) (ids []any, err error) {
	rows, err := q.QueryContext(ctx, `
		SELECT id
		FROM product
		WHERE sku IN (`+placeholders(len(skus))+`)`, skus...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id[:])
	}
	return ids, rows.Err()
}

// selectImportMovements returns the movements of lines of an import, by line number.
func selectImportMovements(ctx context.Context, q database.Queryer, importID uuid.UUID, lines []any) (map[int]movement, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	rows, err := q.QueryContext(ctx, `
		SELECT import_line, product_id, delta
		FROM stock_movement
		WHERE import_id = ? AND import_line IN (`+placeholders(len(lines))+`)`, append([]any{importID[:]}, lines...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	movements := map[int]movement{}
	for rows.Next() {
		var line int
		var m movement
		if err := rows.Scan(&line, &m.ProductID, &m.Delta); err != nil {
			return nil, err
		}
		movements[line] = m
	}
	return movements, rows.Err()
}

// selectCatalog returns products of any status after an id, oldest first.
func selectCatalog(ctx context.Context, q database.Queryer, after uuid.UUID, limit int) ([]Product, error) {
	return queryProducts(ctx, q, `
		SELECT `+productColumns+`
		FROM product
		WHERE id > ?
		ORDER BY id
		LIMIT ?`, after[:], limit)
}

func queryProducts(ctx context.Context, q database.Queryer, query string, args ...any) ([]Product, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var products []Product
	for rows.Next() {
		p, err := scanProduct(rows)
		if err != nil {
			return nil, err
		}
		products = append(products, p)
	}
	return products, rows.Err()
}

// placeholders returns n placeholders: "?, ?, ?".
func placeholders(n int) string { return strings.TrimPrefix(strings.Repeat(", ?", n), ", ") }

// insertRows inserts rows of the same columns in one statement.
func insertRows(ctx context.Context, q database.Queryer, into string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	values := "(" + placeholders(len(rows[0])) + ")"
	var args []any
	for _, row := range rows {
		args = append(args, row...)
	}
	if _, err := q.ExecContext(ctx, `INSERT INTO `+into+` VALUES `+values+strings.Repeat(", "+values, len(rows)-1), args...); err != nil {
		return fmt.Errorf("insert %d rows: %w", len(rows), err)
	}
	return nil
}
