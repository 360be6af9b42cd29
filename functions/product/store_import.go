package product

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockProductsBySKU locks products by SKU and returns them.
func lockProductsBySKU(ctx context.Context, q database.Queryer, skus []string) ([]Product, error) {
	ids, err := selectIDs(ctx, q, skus)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return lockProducts(ctx, q, ids)
}

func selectIDs(ctx context.Context, q database.Queryer, skus []string) ([]uuid.UUID, error) {
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM product
		WHERE sku IN (`+database.Placeholders(len(skus))+`)`, database.Args(skus)...)
}

// selectImportMovements returns the movements of lines of an import, by line number.
func selectImportMovements(ctx context.Context, q database.Queryer, importID uuid.UUID, lines []int) (map[int]movement, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	movements := map[int]movement{}
	return movements, database.Each(ctx, q, func(row database.Scanner) error {
		var line int
		var m movement
		if err := row.Scan(&line, &m.ProductID, &m.Delta); err != nil {
			return err
		}
		movements[line] = m
		return nil
	}, `
		SELECT import_line, product_id, delta
		FROM stock_movement
		WHERE import_id = ? AND import_line IN (`+database.Placeholders(len(lines))+`)`, append([]any{importID[:]}, database.Args(lines)...)...)
}

// selectCatalog returns products of any status after an id, oldest first.
func selectCatalog(ctx context.Context, q database.Queryer, after uuid.UUID, limit int) ([]Product, error) {
	return database.Collect(ctx, q, scanProduct, `
		SELECT `+productColumns+`
		FROM product
		WHERE id > ?
		ORDER BY id
		LIMIT ?`, after[:], limit)
}
