package search

import (
	"context"
	"fmt"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// TestEveryCount counts products with each combination of filters, so that TestMain checks the query
// plans.
func TestEveryCount(t *testing.T) {
	t.Parallel()
	db := dbtest.NewFilled(t, filled, migrations)
	for filters := range 16 {
		f := Query{MaxPrice: money.Max, InStock: filters&1 != 0}
		if filters&2 != 0 {
			f.Category = "v60"
		}
		if filters&4 != 0 {
			f.MinPrice, f.MaxPrice = 200, 5_000
		}
		if filters&8 != 0 {
			f.Text, f.Words, f.Prefix = "x", []string{"batch8", "often"}, "oft"
		}
		counts, err := CountProducts(t.Context(), db, f, []string{"v60", "v7"})
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		if filters == 0 && (counts.All != Count{MaxCount, true}) {
			t.Errorf("%+v: %+v", f, counts)
		}
	}
}

// TestCountBounds counts more products than a count has, by index and by words, of which one has more
// products than are counted.
func TestCountBounds(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(soldOut)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price, p.Available = OnSale, "frequent", "every", "tea", 150, 1
		switch {
		case i < MaxCount:
			p.Category, p.Price, p.Name = "pots", 15, "frequently"
		case i >= maxCounted:
			p.Name = "other"
		}
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		mustInsert(ctx, t, tx, products)
		return Insert(ctx, tx, documents(products)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Analyze(t, db, "product", "product_word", "product_prefix")
	all := "{1000 true} {1000 true} {1000 false} {1000 true} {1000 false}"
	for _, c := range []struct {
		query   Query
		want    string
		maxRows int
	}{
		{Query{}, all, 4 * soldOut},
		{Query{Text: "x", Words: []string{"frequent"}, Prefix: "frequent"}, all, 4*maxCounted + 10},
		{Query{Text: "x", Words: []string{"every"}}, "{1000 true} {1000 true} {0 false} {1000 true} {0 false}", 2*maxCounted + 3*MaxCount},
	} {
		f := c.query
		f.MaxPrice = money.Max
		var counts Counts
		rows := dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) (err error) {
			counts, err = CountProducts(ctx, tx, f, []string{"pots", "tea"})
			return err
		})
		got := fmt.Sprint(counts.All, counts.Categories["tea"], counts.Categories["pots"], counts.Prices[PriceRange{100, 199}], counts.Prices[PriceRange{10, 19}])
		if got != c.want {
			t.Errorf("%+v: %s, want %s", f, got, c.want)
		}
		if rows > c.maxRows {
			t.Errorf("%+v reads %d rows, want at most %d", f, rows, c.maxRows)
		}
	}
}
