package payment

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

const operationColumns = `kind, id, order_id, state, amount, generation, attempts, must_check, last_error, last_code,
	sent_at, created_at, updated_at`

func scanOperation(row database.Scanner) (*operation, error) {
	var op operation
	var sentAt sql.NullTime
	err := row.Scan(&op.kind, &op.id, &op.orderID, &op.state, &op.amount, &op.generation, &op.attempts, &op.mustCheck,
		&op.lastError, &op.lastCode, &sentAt, &op.createdAt, &op.updatedAt)
	op.sentAt = sentAt.Time
	if err == nil && (!slices.Contains(operationKinds, op.kind) || !slices.Contains(errorClasses, op.lastError)) {
		err = fmt.Errorf("operation %s is of unknown kind %q, or has the unknown error %q", op.id, op.kind, op.lastError)
	}
	return &op, err
}

// selectOperations returns the operations of an order, oldest first. The order's payment must be
// locked.
func selectOperations(ctx context.Context, tx *database.Tx, orderID uuid.UUID) ([]*operation, error) {
	operations, err := database.Collect(ctx, tx, scanOperation, `
		SELECT `+operationColumns+`
		FROM operation FORCE INDEX (operation_by_order)
		WHERE order_id = ?
		ORDER BY created_at, id`, orderID[:])
	if err != nil {
		return nil, fmt.Errorf("read the operations of order %s: %w", orderID, err)
	}
	return operations, nil
}

// saveOperations inserts and updates operations.
func saveOperations(ctx context.Context, tx *database.Tx, operations []*operation) error {
	rows := make([][]any, len(operations))
	for i, op := range operations {
		rows[i] = []any{
			op.kind, op.id[:], op.orderID[:], op.state, op.amount, op.generation, op.attempts, op.mustCheck,
			op.lastError, op.lastCode, nullTime(op.sentAt), op.createdAt, op.updatedAt,
		}
	}
	err := database.InsertRows(ctx, tx, "operation ("+operationColumns+")", `
		ON DUPLICATE KEY UPDATE state = VALUES(state), amount = VALUES(amount), generation = VALUES(generation),
			attempts = VALUES(attempts), must_check = VALUES(must_check), last_error = VALUES(last_error),
			last_code = VALUES(last_code), sent_at = VALUES(sent_at), updated_at = VALUES(updated_at)`, rows)
	if err != nil {
		return fmt.Errorf("store %d operations of order %s: %w", len(operations), operations[0].orderID, err)
	}
	return nil
}
