package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// migrations create the tables of the product service, which this package cannot import.
var migrations = database.Migrations{Name: "product", FS: os.DirFS("../..")}

func TestMain(m *testing.M) {
	os.Exit(dbtest.NewPlanChecker(m, filled, migrations).Run())
}

// filled are the values of a large catalogue.
var filled = dbtest.Rows{
	"product.name":           "CONCAT(ELT(1 + n % 4, 'Assam', 'Teapot', 'Sencha', 'Mug'), ' number', n)",
	"product.description":    "CONCAT('Batch', n % 1000, ' of leaves that were picked by hand')",
	"product.status":         "IF(n % 50 = 0, 'archived', 'active')",
	"product.category":       "CONCAT('v', FLOOR(POW(n, 0.5)))", // large and small ones
	"product_word.word":      "IF(n % 2 = 1, 'often', CONCAT('batch', n % 10))",
	"product_word.in_name":   "n % 8 = 0",
	"product_prefix.word":    "IF(n % 2 = 1, 'oft', CONCAT('batch', n % 10))",
	"product_prefix.in_name": "n % 8 = 0",
	"product.low_stock_at":   "5",
	"product.price_amount":   "100 + n * 37 % 9973",
}

// item is a product as these tests read it.
type item struct {
	ID                               uuid.UUID
	SKU, Name, Description, Category string
	Price, Available                 int64
	Status                           string
}

var items = Table[item]{
	Columns: `id, sku, name, description, category, price_amount, available, status`,
	Scan: func(p *item) []any {
		return []any{&p.ID, &p.SKU, &p.Name, &p.Description, &p.Category, &p.Price, &p.Available, &p.Status}
	},
	Key: func(p *item) Key { return Key{ID: p.ID, Price: p.Price, Name: p.Name} },
}

func documents(products []item) []Document {
	list := make([]Document, len(products))
	for i := range products {
		p := &products[i]
		list[i] = Document{ID: p.ID, Name: p.Name, Labels: []string{p.Category, p.SKU}, Others: []string{p.Description}}
	}
	return list
}

// mustInsert inserts products without their words.
func mustInsert(ctx context.Context, t *testing.T, q database.Queryer, products []item) {
	t.Helper()
	rows := make([][]any, len(products))
	for i := range products {
		p := &products[i]
		rows[i] = []any{p.ID[:], p.SKU, p.Name, p.Description, p.Category, p.Price, p.Available, p.Status, "EUR", 1, time.Now(), time.Now()}
	}
	if err := database.InsertRows(ctx, q, `product (`+items.Columns+`, price_currency, version, created_at, updated_at)`, "", rows); err != nil {
		t.Fatal(err)
	}
}

// mustWrite writes the words of products.
func mustWrite(t *testing.T, db *database.DB, products []item) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return Write(ctx, tx, documents(products)...) })
	if err != nil {
		t.Fatalf("write words of %d products: %v", len(products), err)
	}
}

// randomProducts returns products with few different words, so that many share them.
func randomProducts(n int) []item {
	random := rand.New(rand.NewPCG(3, 4))
	words := func(n int) string {
		drawn := make([]string, n)
		for i := range drawn {
			drawn[i] = string(rune('a' + min(random.IntN(5), random.IntN(5))))
		}
		return strings.Join(drawn, " ")
	}
	products := make([]item, n)
	for i := range products {
		products[i] = item{
			ID: uuid.UUID{0: byte(i >> 8), 1: byte(i), 6: 0x70, 8: 0x80}, SKU: fmt.Sprintf("N%d", i),
			Name: words(1 + random.IntN(2)), Description: words(random.IntN(4)), Category: fmt.Sprintf("c%d", random.IntN(3)),
			Price: int64(random.IntN(10)), Available: int64(random.IntN(2)), Status: OnSale,
		}
		if i%10 == 9 {
			products[i].Status = Archived
		}
	}
	return products
}
