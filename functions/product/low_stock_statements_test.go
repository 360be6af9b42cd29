package product

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"testing"

	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/money"
)

var errRollback = errors.New("the service of this test cannot publish")

// TestStatementsOfLowStock counts the statements of reservations. A threshold costs none; a product
// that falls to it costs one, which reads its name.
func TestStatementsOfLowStock(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	reserve := func(sku string, lowStockAt *int64) (statements int) {
		p := Product{
			ID: f.newID(), SKU: sku, Name: "Product", Status: Active, Available: 10, LowStockAt: lowStockAt,
			Price: money.Money{Amount: batchPrice, Currency: "EUR"}, Version: 1, CreatedAt: f.Now(), UpdatedAt: f.Now(),
		}
		err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if err := insertProducts(ctx, tx, p); err != nil {
				return err
			}
			var messages []function.Message[orderPlaced]
			for range 3 {
				messages = append(messages, message(orderPlaced{OrderID: f.newID(), Items: []placedItem{{p.ID, 1, p.Price}}}))
			}
			before, err := countStatements(ctx, tx)
			if err != nil {
				return err
			}
			if err := f.stockReserve(ctx, tx, messages); err != nil {
				return err
			}
			after, err := countStatements(ctx, tx)
			statements = after - before
			return cmp.Or(err, errRollback)
		})
		if !errors.Is(err, errRollback) {
			t.Fatal(err)
		}
		return statements
	}
	without := reserve("without", nil)
	for threshold, want := range map[int64]int{6: without, 7: without + 1, 9: without + 1, 10: without} {
		if got := reserve(fmt.Sprint("at ", threshold), &threshold); got != want {
			t.Errorf("%d statements with the threshold %d, want %d", got, threshold, want)
		}
	}
}

// TestStatementsOfStock counts the statements of transactions about two orders of two products each. Those
// of reservations and cancellations are on the path of each order.
func TestStatementsOfStock(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	var products []Product
	for range 2 {
		products = append(products, Product{
			ID: f.newID(), SKU: f.newID().String(), Name: "Product", Status: Active, Available: 10,
			Price: money.Money{Amount: batchPrice, Currency: "EUR"}, Version: 1, CreatedAt: f.Now(), UpdatedAt: f.Now(),
		})
	}
	var placed []function.Message[orderPlaced]
	var shipped []function.Message[shipmentCreated]
	var cancelled []function.Message[orderCancelled]
	for range 2 {
		id := f.newID()
		placed = append(placed, message(orderPlaced{OrderID: id, Items: []placedItem{{products[0].ID, 2, products[0].Price}, {products[1].ID, 2, products[1].Price}}}))
		shipped = append(shipped, message(shipmentCreated{OrderID: id, Shipment: &shipment{[]shippedLine{{products[0].ID, 1}, {products[1].ID, 1}}}}))
		cancelled = append(cancelled, message(orderCancelled{OrderID: id}))
	}
	err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		if err := insertProducts(ctx, tx, products...); err != nil {
			return err
		}
		for _, step := range []struct {
			name string
			run  func() error
			want int
		}{
			{"reserve", func() error { return f.stockReserve(ctx, tx, placed) }, 5},
			{"ship", func() error { return f.stockShip(ctx, tx, shipped) }, 4},
			{"release", func() error { return f.stockRelease(ctx, tx, cancelled) }, 6},
		} {
			before, err := countStatements(ctx, tx)
			if err != nil {
				return err
			}
			if err := step.run(); err != nil {
				return err
			}
			after, err := countStatements(ctx, tx)
			if err != nil {
				return err
			}
			if got := after - before - 1; got != step.want { // less the one that counts
				t.Errorf("%s: %d statements, want %d", step.name, got, step.want)
			}
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
}

// countStatements returns the number of statements that the session has run.
func countStatements(ctx context.Context, tx *database.Tx) (n int, err error) {
	return n, database.Each(ctx, tx, func(row database.Scanner) error {
		var name string
		return row.Scan(&name, &n)
	}, `SHOW SESSION STATUS LIKE 'Questions'`)
}
