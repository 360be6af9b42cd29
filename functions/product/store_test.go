package product

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/functions/product/internal/search"
	"souk/shared/database"
	"souk/shared/dbtest"
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

// RequireWords fails the test unless the stored words of products, and their beginnings, are correct.
func RequireWords(t testing.TB, db *database.DB, ids ...uuid.UUID) {
	t.Helper()
	stored, err := search.StoredEntries(t.Context(), db, ids)
	if err != nil {
		t.Fatal(err)
	}
	prefixes, err := search.StoredPrefixes(t.Context(), db, ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		p, err := selectProduct(t.Context(), db, id)
		if err != nil {
			t.Fatal(err)
		}
		document := p.document()
		requireEntries(t, p, document.Entries(), stored[id])
		requireEntries(t, p, document.Prefixes(), prefixes[id])
	}
}

func requireEntries(t testing.TB, p Product, entries []search.Entry, stored map[search.Entry]bool) {
	t.Helper()
	want := map[search.Entry]bool{}
	for _, e := range entries {
		want[e] = true
	}
	if diff := cmp.Diff(want, stored, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the words of %s, %s (-want +got):\n%s", p.SKU, p.Status, diff)
	}
}

// TestRowsReadForCategories counts the rows that the server reads for a page of categories,
// which have many products each.
func TestRowsReadForCategories(t *testing.T) {
	t.Parallel()
	db := dbtest.NewFilled(t, dbtest.Rows{"product.status": "'active'", "product.category": "CONCAT('c', n % 8)"}, Migrations)
	var categories []Category
	rows := dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) (err error) {
		categories, err = selectCategories(ctx, tx, "c0", 5)
		return err
	})
	if diff := cmp.Diff([]Category{{"c1"}, {"c2"}, {"c3"}, {"c4"}, {"c5"}}, categories); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rows > 4*len(categories) {
		t.Errorf("reads %d rows for %d categories", rows, len(categories))
	}
}
