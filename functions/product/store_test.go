package product

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// InsertRows inserts products, movements and reservations.
func InsertRows(t testing.TB, db *database.DB, products int) {
	t.Helper()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`CREATE TABLE n (n INT NOT NULL PRIMARY KEY AUTO_INCREMENT, one INT NOT NULL)`)
	exec(`INSERT INTO n (one) VALUES ` + strings.TrimSuffix(strings.Repeat("(1),", 1000), ","))
	for created := 0; created < products; created += 1000 {
		exec(`
			INSERT INTO product (id, sku, name, description, category, price_amount, price_currency, available, status, images, attributes, version, created_at, updated_at)
			SELECT UNHEX(CONCAT(LPAD(HEX(? + n), 16, '0'), LPAD(HEX(n * 7919), 16, '0'))), CONCAT('SKU-', ? + n),
				CONCAT(ELT(1 + n % 7, 'Assam', 'Darjeeling', 'Ceylon', 'Sencha', 'Oolong', 'Rooibos', 'Matcha'), ' number', ? + n),
				CONCAT('Batch', (? + n) % 1000, ' of leaves that were picked by hand'), CONCAT('category', n % 40),
				100 + (? + n) * 37 % 9973, 'EUR', n % 10, IF(n % 50 = 0, 'archived', 'active'), '[]', '{}', 1, NOW(6), NOW(6)
			FROM n`, created, created, created, created, created)
	}
	exec(`INSERT INTO stock_movement (id, product_id, delta, reason, moved_by, moved_at) SELECT id, id, available, 'x', id, NOW(6) FROM product`)
	exec(`INSERT INTO reservation (order_id, state, updated_at) SELECT id, 'reserved', NOW(6) FROM product`)
	exec(`INSERT INTO reservation_item (order_id, product_id, quantity) SELECT id, id, 1 FROM product`)
	exec(`DROP TABLE n`)
	dbtest.Analyze(t, db, "product", "stock_movement", "reservation", "reservation_item")
}

// everySearch searches in every order, with and without filters, for the first page and a
// later page.
func everySearch(ctx context.Context, q database.Queryer, p Product) error {
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for filters := range 16 {
			f := search{Order: order, MaxPrice: money.Max, InStock: filters&1 != 0}
			if filters&2 != 0 {
				f.Category = p.Category
			}
			if filters&4 != 0 {
				f.MinPrice, f.MaxPrice = p.Price.Amount-50, p.Price.Amount+50
			}
			if filters&8 != 0 || order == Relevance {
				f.Text, f.Words = "batch7 leave", []string{"batch7", "leave"}
			}
			for _, after := range []*position{nil, {ID: p.ID, Price: p.Price.Amount, Name: p.Name, OtherTier: filters&1 != 0}} {
				if _, err := selectHits(ctx, q, f, after, 21); err != nil {
					return fmt.Errorf("%+v: %w", f, err)
				}
			}
		}
	}
	return nil
}

// TestEverySearch runs each combination of order and filters, so that TestMain checks their
// query plans.
func TestEverySearch(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	p := Product{ID: uuid.New(), SKU: "A1", Name: "Assam", Category: "v7", Price: money.Money{Amount: 5_000, Currency: "EUR"}, Status: Active}
	if err := everySearch(t.Context(), db, p); err != nil {
		t.Error(err)
	}
}
