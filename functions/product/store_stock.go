package product

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/money"
)

// movement is one change of a product's stock other than by an order.
type movement struct {
	ProductID uuid.UUID
	Delta     int64
	Reason    string
	By        uuid.UUID
	At        time.Time

	importID   []byte // nil for a movement that is not from an import
	importLine int
}

func insertMovements(ctx context.Context, q database.Queryer, movements ...movement) error {
	rows := make([][]any, len(movements))
	for i := range movements {
		m := &movements[i]
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("create a movement id: %w", err)
		}
		line := sql.NullInt64{Int64: int64(m.importLine), Valid: m.importID != nil}
		source := movementSource(ctx, id, m)
		rows[i] = []any{id[:], m.ProductID[:], m.Delta, m.Reason, m.By[:], m.At, m.importID, line, source[:]}
	}
	return database.InsertRows(ctx, q, `stock_movement (id, product_id, delta, reason, moved_by, moved_at, import_id, import_line, source)`, "", rows)
}

// moveStock adds delta to a product's stock, and reports whether it did. It does not if
// the stock would be below 0 or above MaxStock.
func moveStock(ctx context.Context, q database.Queryer, id uuid.UUID, delta int64) (moved bool, err error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE product
		SET available = available + ?
		WHERE id = ? AND available + ? BETWEEN 0 AND ?`, delta, id[:], delta, MaxStock))
}

// stockItem is the stock of a locked product.
type stockItem struct {
	available int64
	status    Status
	price     money.Money
	// lowStockAt is the threshold of a low stock, nil for none.
	lowStockAt *int64
	taken      int64 // units that are to be reserved
}

// lockStock returns the stock of the products of the undecided orders of messages, and locks
// the products until the transaction ends, in the order of their ids, so that concurrent
// transactions do not deadlock. Products that do not exist are missing.
func lockStock(ctx context.Context, tx *database.Tx, messages []function.Message[orderPlaced], undecided map[uuid.UUID]bool) (map[uuid.UUID]*stockItem, error) {
	products := map[uuid.UUID]bool{}
	for i := range messages {
		if undecided[messages[i].Payload.OrderID] {
			for _, item := range messages[i].Payload.Items {
				products[item.ProductID] = true
			}
		}
	}
	stock := map[uuid.UUID]*stockItem{}
	if len(products) == 0 {
		return stock, nil
	}
	ids := database.SortedIDs(maps.Keys(products))
	err := database.Each(ctx, tx, func(row database.Scanner) error {
		var id uuid.UUID
		item := &stockItem{}
		err := row.Scan(&id, &item.available, &item.status, &item.price.Amount, &item.price.Currency, &item.lowStockAt)
		stock[id] = item
		return err
	}, `
		SELECT id, available, status, price_amount, price_currency, low_stock_at
		FROM product FORCE INDEX (PRIMARY)
		WHERE id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE`, database.IDs(ids)...)
	if err != nil {
		return nil, fmt.Errorf("lock %d products from %s: %w", len(ids), ids[0], err)
	}
	return stock, nil
}

// takeStock takes the units of locked products that are to be reserved. It is the only
// statement that reserves stock. Its condition is that of lockStock's decisions again, so that
// no unit is reserved twice even if a decision were wrong: takeStock then returns an error.
func takeStock(ctx context.Context, q database.Queryer, stock map[uuid.UUID]*stockItem) error {
	taken := map[uuid.UUID]int64{}
	for id, item := range stock {
		if item.taken > 0 {
			taken[id] = item.taken
		}
	}
	if len(taken) == 0 {
		return nil
	}
	ids := database.SortedIDs(maps.Keys(taken))
	quantity, args := quantityByID(ids, taken)
	all := slices.Concat(args, args, database.IDs(ids), []any{Active}, args)
	found, err := database.AffectedRows(q.ExecContext(ctx, updateProducts+`
		SET available = available - `+quantity+`, reserved = reserved + `+quantity+`
		WHERE id IN (`+database.Placeholders(len(ids))+`) AND status = ? AND available >= `+quantity, all...))
	if err != nil {
		return fmt.Errorf("reserve the stock of %d products from %s: %w", len(ids), ids[0], err)
	}
	if found != int64(len(ids)) {
		return fmt.Errorf("reserve the stock of %d products from %s: only %d have it", len(ids), ids[0], found)
	}
	return nil
}

// stockChange is how the stock of a product changes: the units that can be ordered, and those that are
// reserved for orders and not shipped yet.
type stockChange struct{ available, reserved int64 }

// stockChanges are changes by product.
type stockChanges map[uuid.UUID]stockChange

func (c stockChanges) add(product uuid.UUID, change stockChange) {
	sum := c[product]
	c[product] = stockChange{sum.available + change.available, sum.reserved + change.reserved}
}

// changeStock changes the stock of products whose units are released, restocked or shipped. It locks
// products in the order of their ids.
func changeStock(ctx context.Context, tx *database.Tx, changes stockChanges) error {
	if len(changes) == 0 {
		return nil
	}
	available, reserved := map[uuid.UUID]int64{}, map[uuid.UUID]int64{}
	for id, change := range changes {
		available[id], reserved[id] = change.available, change.reserved
	}
	ids := database.SortedIDs(maps.Keys(changes))
	addAvailable, availableArgs := quantityByID(ids, available)
	addReserved, reservedArgs := quantityByID(ids, reserved)
	_, err := tx.ExecContext(ctx, updateProducts+`
		SET available = available + `+addAvailable+`, reserved = reserved + `+addReserved+`
		WHERE id IN (`+database.Placeholders(len(ids))+`)`, slices.Concat(availableArgs, reservedArgs, database.IDs(ids))...)
	if err != nil {
		return fmt.Errorf("change the stock of %d products from %s: %w", len(ids), ids[0], err)
	}
	return nil
}

// updateProducts begins the statements that change the stock of several products. Because of the index
// they lock only these products, in the order of their ids, as lockStock does: the server may choose
// to read a small table as a whole.
const updateProducts = `
		UPDATE product FORCE INDEX (PRIMARY)`

// quantityByID returns an SQL expression for the quantity of a product by its id, and its
// arguments.
func quantityByID(ids []uuid.UUID, quantities map[uuid.UUID]int64) (expression string, args []any) {
	for _, id := range ids {
		args = append(args, id[:], quantities[id])
	}
	return "CASE id" + strings.Repeat(" WHEN ? THEN ?", len(ids)) + " END", args
}
