package search

import (
	"context"
	"fmt"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// The sizes of a catalogue in which only inStock products are in stock. These have their
// own category and words.
const (
	soldOut = 5_000
	inStock = 5
)

// mustInsertSoldOut inserts a catalogue in which most products are sold out.
func mustInsertSoldOut(t *testing.T, db *database.DB) {
	t.Helper()
	products := randomProducts(soldOut)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price, p.Available = OnSale, fmt.Sprintf("m %d", i), "n", "tea", int64(100+i), 0
		if i < inStock {
			p.Name, p.Description, p.Category, p.Available = "pot", "litre", "pots", 1
		}
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		mustInsert(ctx, t, tx, products)
		return Insert(ctx, tx, documents(products)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Analyze(t, db, "product", "product_word")
}

// TestRowsReadInStock counts the rows that the server reads for each kind of Query for
// products in stock, when most products are sold out. The number is bounded, however many
// products have the words, the category or the price.
func TestRowsReadInStock(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, migrations)
	mustInsertSoldOut(t, db)
	// Two words, the category and the stock are counted. Each row is counted twice: when it
	// is read and when COUNT aggregates it.
	const maxRows = 2*(3*maxCount+maxCategoryCount) + 100
	read := func(t *testing.T, f Query) (rows, hits int) {
		t.Helper()
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { // one session
			idle := rowsRead(ctx, t, tx)
			before := rowsRead(ctx, t, tx)
			products, err := items.Select(ctx, tx, f, nil, 21)
			rows, hits = rowsRead(ctx, t, tx)-before-(before-idle), len(products)
			return err
		})
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		return rows, hits
	}
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for _, words := range [][]string{nil, {"m"}, {"m", "n"}} {
			for filters := range 4 {
				f := Query{Words: words, Order: order, MaxPrice: money.Max, InStock: true}
				if filters&1 != 0 {
					f.Category = "tea"
				}
				if filters&2 != 0 {
					f.MinPrice = 50
				}
				if order == Relevance && words == nil {
					continue
				}
				rows, hits := read(t, f)
				if rows > maxRows {
					t.Errorf("%+v reads %d rows, want at most %d", f, rows, maxRows)
				}
				if want := len(words) == 0 && f.Category == ""; (hits == inStock) != want {
					t.Errorf("%+v finds %d products", f, hits)
				}
			}
		}
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		before := rowsRead(ctx, t, tx)
		_, err := items.selectByPath(ctx, tx, Query{Words: []string{"m"}, Order: Newest, MaxPrice: money.Max, InStock: true}, accessPath{words: []string{"m"}, byWord: true}, nil, 21)
		if rows := rowsRead(ctx, t, tx) - before; rows < soldOut-inStock {
			t.Errorf("by the word it reads %d rows, want all: rowsRead is wrong", rows)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rowsRead returns the number of rows that the session has read by key or in sequence.
func rowsRead(ctx context.Context, t *testing.T, tx *database.Tx) (total int) {
	t.Helper()
	rows, err := tx.QueryContext(ctx, `SHOW SESSION STATUS LIKE 'Handler_read_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var count int
		if err := rows.Scan(&name, &count); err != nil {
			t.Fatal(err)
		}
		total += count
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return total
}
