package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// finds returns the SKUs of the products that match a search, in order. It does not use the
// database.
func (f Query) finds(products []item) []string {
	hits := slices.DeleteFunc(slices.Clone(products), func(p item) bool {
		all := tokenize(p.Name + " " + p.Description)
		lacks := slices.ContainsFunc(f.Words, func(word string) bool { return !slices.Contains(all, word) })
		return lacks || p.Status != OnSale || f.Category != "" && p.Category != f.Category ||
			p.Price < f.MinPrice || p.Price > f.MaxPrice || f.InStock && p.Available == 0
	})
	tier := func(p item) int {
		if names := tokenize(p.Name); slices.ContainsFunc(f.Words, func(word string) bool { return !slices.Contains(names, word) }) {
			return 1
		}
		return 0
	}
	slices.SortFunc(hits, func(a, b item) int {
		older := slices.Compare(a.ID[:], b.ID[:])
		switch price := int(a.Price - b.Price); {
		case f.Order == PriceAscending && price != 0:
			return price
		case f.Order == PriceDescending && price != 0:
			return -price
		case f.Order == ByName && a.Name != b.Name:
			return strings.Compare(a.Name, b.Name)
		case f.Order == Relevance && tier(a) != tier(b):
			return tier(a) - tier(b)
		case f.Order == PriceAscending || f.Order == ByName:
			return older
		}
		return -older
	})
	skus := make([]string, len(hits))
	for i := range hits {
		skus[i] = hits[i].SKU
	}
	return skus
}

// pages returns the SKUs of a search page by page, by the access path that choose returns.
func (f Query) pages(t *testing.T, db *database.DB, size int, choose chooser) []string {
	t.Helper()
	skus := []string{}
	var after *Position
	for range 1_000 {
		path, err := choose(t.Context(), db, f)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := items.selectByPath(t.Context(), db, f, path, after, size)
		if chosen, err := items.Select(t.Context(), db, f, after, size); err != nil || !slices.EqualFunc(hits, chosen, sameHit) {
			t.Errorf("%+v finds %v by %+v, but %v (%v) by the chosen path", f, hits, path, chosen, err)
		}
		if err != nil {
			t.Fatalf("%+v by %+v: %v", f, path, err)
		}
		for _, hit := range hits {
			skus = append(skus, hit.Product.SKU)
		}
		if len(hits) < size {
			return skus
		}
		end := items.Position(f, &hits[len(hits)-1], "")
		after = &end
	}
	t.Fatal("the pages do not end")
	return nil
}

func sameHit(a, b Hit[item]) bool { return a.Product.ID == b.Product.ID && a.otherTier == b.otherTier }

type chooser func(context.Context, database.Queryer, Query) (accessPath, error)

// TestEveryAccessPath reads many searches in small pages by every access path, and compares
// the results to those without a database: all products, once, in order.
func TestEveryAccessPath(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, migrations)
	products := randomProducts(120)
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	by := func(path accessPath) chooser {
		return func(context.Context, database.Queryer, Query) (accessPath, error) { return path, nil }
	}
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for _, words := range [][]string{{"a"}, {"e"}, {"a", "b"}, {"d", "a"}, {"b", "c", "a"}} {
			for _, filters := range []int{0, 1, 4, 6, 7} {
				f := Query{Words: words, Text: "x", Order: order, MaxPrice: money.Max, InStock: filters&4 != 0}
				if filters&1 != 0 {
					f.Category = "c1"
				}
				if filters&2 != 0 {
					f.MinPrice, f.MaxPrice = 2, 8
				}
				choosers := []chooser{chooseAccessPath, by(accessPath{words: words, byWord: true})}
				if filters&3 != 0 {
					choosers = append(choosers, by(accessPath{words: words, index: f.filterIndex()}))
				}
				if f.InStock {
					choosers = append(choosers, by(accessPath{words: words, index: f.stockIndex()}))
				}
				if order != Relevance {
					choosers = append(choosers, by(accessPath{words: words, index: f.orderIndex()}))
				}
				want := f.finds(products)
				for i, choose := range choosers {
					if got := f.pages(t, db, 3+filters, choose); !slices.Equal(got, want) {
						t.Errorf("%+v by access path %d:\n%v, want\n%v", f, i, got, want)
					}
				}
			}
		}
	}
}

// TestChooseAccessPath chooses access paths for words and filters with many and few
// products.
func TestChooseAccessPath(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, migrations)
	products := randomProducts(maxCategoryCount + 20)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price = OnSale, "often", "forever", "tea", 100
		if i < 20 {
			p.Description, p.Category, p.Price = "seldom", "pots", 50
		}
		if i < 5 {
			p.Name = "hardly"
		}
	}
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"one word":                       {Query{Words: []string{"often"}}, "often"},
		"the rarest word":                {Query{Words: []string{"often", "hardly", "seldom"}}, "hardly"},
		"a rarer category":               {Query{Words: []string{"often"}, Category: "pots"}, "product_by_category"},
		"a word rarer than the category": {Query{Words: []string{"hardly"}, Category: "pots"}, "hardly"},
		"a category as frequent":         {Query{Words: []string{"often"}, Category: "tea"}, "often"},
		"a rarer price":                  {Query{Words: []string{"often"}, MinPrice: 1, MaxPrice: 50}, "product_by_price"},
		"a rarer price of a category":    {Query{Words: []string{"often"}, Category: "tea", MinPrice: 101}, "product_by_category_price"},
		"few to sort":                    {Query{Words: []string{"seldom"}, Order: ByName}, "seldom"},
		"too many to sort":               {Query{Words: []string{"forever"}, Order: ByName}, "product_by_name"},
		"too many of a category":         {Query{Words: []string{"often"}, Category: "tea", Order: PriceDescending}, "product_by_category_price"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.query
			if f.MaxPrice == 0 {
				f.MaxPrice = money.Max
			}
			if f.Order == "" {
				f.Order = Relevance
			}
			path, err := chooseAccessPath(t.Context(), db, f)
			if err != nil {
				t.Fatal(err)
			}
			got := path.index
			if path.byWord {
				got = path.words[0]
			}
			if got != c.want {
				t.Errorf("by %s, want %s", got, c.want)
			}
		})
	}
}

// everySearch searches in every order, with and without filters, for the first page and a
// later page.
func everySearch(ctx context.Context, q database.Queryer, p item) error {
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for filters := range 16 {
			f := Query{Order: order, MaxPrice: money.Max, InStock: filters&1 != 0}
			if filters&2 != 0 {
				f.Category = p.Category
			}
			if filters&4 != 0 {
				f.MinPrice, f.MaxPrice = p.Price-50, p.Price+50
			}
			if filters&8 != 0 || order == Relevance {
				f.Text, f.Words = "batch7 leave", []string{"batch7", "leave"}
			}
			for _, after := range []*Position{nil, {ID: p.ID, Price: p.Price, Name: p.Name, OtherTier: filters&1 != 0}} {
				if _, err := items.Select(ctx, q, f, after, 21); err != nil {
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
	db := dbtest.New(t, migrations)
	p := item{ID: uuid.New(), SKU: "A1", Name: "Assam", Category: "v7", Price: 5_000, Status: OnSale}
	if err := everySearch(t.Context(), db, p); err != nil {
		t.Error(err)
	}
}
