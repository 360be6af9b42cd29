package product

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"souk/shared/database"
)

// selectStockMovements returns the adjustments and imports of a product before an id, newest first.
func selectStockMovements(ctx context.Context, q database.Queryer, product, before uuid.UUID, limit int) ([]StockMovement, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (m StockMovement, err error) {
		var by uuid.UUID
		var importID uuid.NullUUID
		var line sql.NullInt64
		if err := row.Scan(&m.ID, &m.Delta, &m.Reason, &by, &m.At, &importID, &line); err != nil {
			return m, err
		}
		m.Kind, m.ImportLine = AdjustmentMovement, line.Int64
		if importID.Valid {
			m.Kind, m.ImportID = ImportMovement, &importID.UUID
		}
		if by != uuid.Nil {
			m.UserID = &by
		}
		return m, nil
	}, `
		SELECT id, delta, reason, moved_by, moved_at, import_id, import_line
		FROM stock_movement FORCE INDEX (stock_movement_by_product)
		WHERE product_id = ? AND id < ?
		ORDER BY id DESC
		LIMIT ?`, product[:], before[:], limit)
}

// selectOrderMovements returns the orders of a product before an id, newest first.
func selectOrderMovements(ctx context.Context, q database.Queryer, product, before uuid.UUID, limit int) ([]StockMovement, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (m StockMovement, err error) {
		if err := row.Scan(&m.ID, &m.Delta, &m.Reserved, &m.Reason, &m.At); err != nil {
			return m, err
		}
		m.Kind, m.OrderID = OrderMovement, &m.ID
		if m.Delta = -m.Delta; m.Reason != reserved {
			m.Delta, m.Reserved = 0, 0
		}
		return m, nil
	}, `
		SELECT STRAIGHT_JOIN i.order_id, i.quantity - i.restocked, COALESCE(i.unshipped, 0), r.state, r.updated_at
		FROM reservation_item i FORCE INDEX (reservation_item_by_product)
		JOIN reservation r ON r.order_id = i.order_id
		WHERE i.product_id = ? AND i.order_id < ?
		ORDER BY i.order_id DESC
		LIMIT ?`, product[:], before[:], limit)
}
