package order

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"souk/functions/order/internal/number"
	"souk/functions/order/internal/search"
	"souk/shared/database"
)

const (
	// unnumberedBatch is how many orders get their numbers in a transaction, and unnumberedBatches how
	// many transactions a sweep has at most: the next sweep continues.
	unnumberedBatch   = 200
	unnumberedBatches = 50
)

// numberOrders sets the numbers of orders that an older version has placed, and writes their search
// words. Without such orders, it is one read of one index entry.
func (s *service) numberOrders(ctx context.Context) error {
	for range unnumberedBatches {
		ids, err := database.Collect(ctx, s.DB, database.ScanColumn[uuid.UUID], `
			SELECT id
			FROM orders FORCE INDEX (orders_by_number)
			WHERE number IS NULL
			LIMIT ?`, unnumberedBatch)
		if err != nil {
			return fmt.Errorf("read orders without a number: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		var count int
		err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			count, err = numberBatch(ctx, tx, ids)
			return err
		})
		if err != nil {
			return fmt.Errorf("number %d orders from %s: %w", len(ids), ids[0], err)
		}
		slog.InfoContext(ctx, "orders numbered", "orders", count, "from", ids[0])
		if count == 0 {
			return nil // others have locked them
		}
	}
	return nil
}

// numberBatch sets the numbers of those of the given orders that have none, writes their search words,
// and returns their count. Orders that another transaction has locked remain for the next sweep.
func numberBatch(ctx context.Context, tx *database.Tx, ids []uuid.UUID) (int, error) {
	orders, err := database.Collect(ctx, tx, scanOrder, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (PRIMARY)
		WHERE number IS NULL AND id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE SKIP LOCKED`, database.IDs(ids)...)
	if err != nil || len(orders) == 0 {
		return 0, err
	}
	byID := map[uuid.UUID]*Order{}
	for i := range orders {
		byID[orders[i].ID] = &orders[i]
	}
	if err := loadItems(ctx, tx, byID); err != nil {
		return 0, err
	}
	documents := make([]search.Document, len(orders))
	for i := range orders {
		documents[i] = orders[i].document()
	}
	if err := search.Insert(ctx, tx, documents...); err != nil {
		return 0, err
	}
	for try := 1; ; try++ {
		err := setNumbers(ctx, tx, orders)
		if database.DuplicateKey(err) != keyOfNumbers || try == numberTries {
			return len(orders), err
		}
	}
}

// setNumbers sets new numbers of locked orders. Their versions do not change: they count changes of the
// status.
func setNumbers(ctx context.Context, tx *database.Tx, orders []Order) error {
	var args, ids []any
	for i := range orders {
		id := orders[i].ID[:]
		args, ids = append(args, id, number.New()), append(ids, id)
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE orders
		SET number = CASE id`+strings.Repeat(` WHEN ? THEN ?`, len(orders))+` END
		WHERE id IN (`+database.Placeholders(len(orders))+`)`, append(args, ids...)...)
	return err
}
