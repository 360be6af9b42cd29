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
	db := dbtest.NewUnchecked(t, migrations)
	mustInsertSoldOut(t, db)
	// The products in stock, each with its row and the words. Estimates read no rows.
	const maxRows = 100
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
				rows, hits := mustReadRows(t, db, f)
				if rows > maxRows {
					t.Errorf("%+v reads %d rows, want at most %d", f, rows, maxRows)
				}
				if want := len(words) == 0 && f.Category == ""; (hits == inStock) != want {
					t.Errorf("%+v finds %d products", f, hits)
				}
			}
		}
	}
	rows := dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) error {
		_, err := items.selectByPaths(ctx, tx, Query{Words: []string{"m"}, Order: Newest, MaxPrice: money.Max, InStock: true}, []accessPath{{terms: []term{{word: "m"}}, byWord: true}}, nil, 21)
		return err
	})
	if rows < soldOut-inStock {
		t.Errorf("by the word it reads %d rows, want all: RowsRead is wrong", rows)
	}
}

// TestRowsReadForArchived counts the rows that the server reads for archived products with words that
// many products on sale have.
func TestRowsReadForArchived(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	mustInsertSoldOut(t, db)
	if _, err := db.ExecContext(t.Context(), `UPDATE product SET status = ? ORDER BY id DESC LIMIT 5`, Archived); err != nil {
		t.Fatal(err)
	}
	dbtest.Analyze(t, db, "product")
	const archived, maxRows = 5, 100
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for _, words := range [][]string{{"m"}, {"m", "n"}} {
			for _, category := range []string{"", "tea"} {
				f := Query{Words: words, Order: order, MaxPrice: money.Max, Status: Archived, Category: category}
				if rows, hits := mustReadRows(t, db, f); rows > maxRows || hits != archived {
					t.Errorf("%+v reads %d rows and finds %d products, want at most %d rows and %d products", f, rows, hits, maxRows, archived)
				}
			}
		}
	}
}

// mustReadRows returns the number of rows that the server reads for a search, and that of the
// products that it finds.
func mustReadRows(t *testing.T, db *database.DB, f Query) (rows, hits int) {
	t.Helper()
	rows = dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) error {
		products, err := items.Select(ctx, tx, f, nil, 21)
		hits = len(products)
		return err
	})
	return rows, hits
}

// TestRowsReadForTwoWords counts the rows that the server reads for two words, of which each
// has more products than a page, but which have few in common. The number is bounded by the
// products of the rarer word, in any order of the words.
func TestRowsReadForTwoWords(t *testing.T) {
	t.Parallel()
	const rare, common = 500, 10
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(soldOut)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category = OnSale, fmt.Sprintf("n %d", i), "frequent", "tea"
		if i%(soldOut/rare) == 0 {
			p.Description = "rare"
		}
		if i%(soldOut/common) == 0 {
			p.Description = "rare frequent"
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
	// An entry of the rarer word, one of the other and, for the words in the name, one of each. By price,
	// an attempt of as many entries, and the sorted products.
	const maxRows = 6*rare + 100
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for _, words := range [][]string{{"rare", "frequent"}, {"frequent", "rare"}} {
			f := Query{Words: words, Order: order, MaxPrice: money.Max}
			if rows, hits := mustReadRows(t, db, f); rows > maxRows || hits != common {
				t.Errorf("%+v reads %d rows and finds %d products, want at most %d rows and %d products", f, rows, hits, maxRows, common)
			}
		}
	}
}

// TestRowsReadForPages counts the rows that the server reads for a page of products without
// words, in every order and with every filter, at the beginning and far from it. Only a price
// range in another order than that of the price reads more than the page: no index has both.
func TestRowsReadForPages(t *testing.T) {
	t.Parallel()
	db := dbtest.NewFilled(t, filled, migrations)
	products, err := items.Select(t.Context(), db, Query{Order: Newest, MaxPrice: money.Max, Category: "v60"}, nil, 100)
	if err != nil || len(products) < 100 {
		t.Fatalf("found %d products: %v", len(products), err)
	}
	p := products[99].Product
	const limit = 21
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName} {
		for filters := range 8 {
			f := Query{Order: order, MaxPrice: money.Max, InStock: filters&1 != 0}
			if filters&2 != 0 {
				f.Category = p.Category
			}
			if filters&4 != 0 {
				f.MinPrice = 200
			}
			maxRows := 6 * limit
			if f.InStock || f.isPriced() {
				maxRows *= 4
			}
			for _, after := range []*Position{nil, {ID: p.ID, Price: p.Price, Name: p.Name}} {
				rows := dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) error {
					_, err := items.Select(ctx, tx, f, after, limit)
					return err
				})
				if rows > maxRows {
					t.Errorf("%+v after %+v reads %d rows, want at most %d", f, after, rows, maxRows)
				}
			}
		}
	}
}

// TestRowsReadByPrice counts the rows that the server reads for words in the order of the price: few
// for a word that is as frequent at all prices, and those of the attempt and of the word for one that
// the first products do not have.
func TestRowsReadByPrice(t *testing.T) {
	t.Parallel()
	const dear = soldOut / 5
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(soldOut)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price = OnSale, "often", "", "tea", int64(i)
		if i >= soldOut-dear {
			p.Name = "dear"
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
	for word, maxRows := range map[string]int{"often": 400, "dear": 9 * dear} {
		for _, prefix := range []string{"", word} {
			f := Query{Words: []string{word}, Text: word, Prefix: prefix, Order: PriceAscending, MaxPrice: money.Max}
			if rows, hits := mustReadRows(t, db, f); rows > maxRows || hits != 21 {
				t.Errorf("%+v reads %d rows and finds %d products, want at most %d rows and 21 products", f, rows, hits, maxRows)
			}
		}
	}
}
