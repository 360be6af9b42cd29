package product

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// RequireWords fails the test unless the stored words of products are correct.
func RequireWords(t testing.TB, db *database.DB, ids ...uuid.UUID) {
	t.Helper()
	var products []Product
	for _, id := range ids {
		p, err := selectProduct(t.Context(), db, id)
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p)
	}
	stored, err := selectEntries(t.Context(), db, products)
	if err != nil {
		t.Fatal(err)
	}
	for i := range products {
		p := &products[i]
		if !equalEntries(stored[p.ID], p.entries()) {
			t.Errorf("the words of %s, %s, are %v, want %v", p.SKU, p.Status, stored[p.ID], p.entries())
		}
	}
}

// mustWrite writes the words of products.
func mustWrite(t *testing.T, db *database.DB, products ...Product) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return writeWords(ctx, tx, products...) })
	if err != nil {
		t.Fatalf("write words of %d products: %v", len(products), err)
	}
}

// randomProducts returns products with few different words, so that many share them.
func randomProducts(n int) []Product {
	random := rand.New(rand.NewPCG(3, 4))
	words := func(n int) string {
		drawn := make([]string, n)
		for i := range drawn {
			drawn[i] = string(rune('a' + min(random.IntN(5), random.IntN(5))))
		}
		return strings.Join(drawn, " ")
	}
	products := make([]Product, n)
	for i := range products {
		products[i] = Product{
			ID: uuid.UUID{0: byte(i >> 8), 1: byte(i), 6: 0x70, 8: 0x80}, SKU: fmt.Sprintf("N%d", i),
			Name: words(1 + random.IntN(2)), Description: words(random.IntN(4)), Category: fmt.Sprintf("c%d", random.IntN(3)),
			Price: money.Money{Amount: int64(random.IntN(10)), Currency: "EUR"}, Available: int64(random.IntN(2)),
			Images: Images{}, Attributes: Attributes{}, Status: Active, Version: 1, CreatedAt: time.Now(), UpdatedAt: time.Now(),
		}
		if i%10 == 9 {
			products[i].Status = Archived
		}
	}
	return products
}

// finds returns the SKUs of the products that match a search, in order. It does not use the
// database.
func (f search) finds(products []Product) []string {
	hits := slices.DeleteFunc(slices.Clone(products), func(p Product) bool {
		all := tokenize(p.Name + " " + p.Description)
		lacks := slices.ContainsFunc(f.Words, func(word string) bool { return !slices.Contains(all, word) })
		return lacks || p.Status != Active || f.Category != "" && p.Category != f.Category ||
			p.Price.Amount < f.MinPrice || p.Price.Amount > f.MaxPrice || f.InStock && p.Available == 0
	})
	tier := func(p Product) int {
		if names := tokenize(p.Name); slices.ContainsFunc(f.Words, func(word string) bool { return !slices.Contains(names, word) }) {
			return 1
		}
		return 0
	}
	slices.SortFunc(hits, func(a, b Product) int {
		older := slices.Compare(a.ID[:], b.ID[:])
		switch price := int(a.Price.Amount - b.Price.Amount); {
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
func (f search) pages(t *testing.T, db *database.DB, size int, choose chooser) []string {
	t.Helper()
	skus := []string{}
	var after *position
	for range 1_000 {
		path, err := choose(t.Context(), db, f)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := selectHitsByPath(t.Context(), db, f, path, after, size)
		if chosen, err := selectHits(t.Context(), db, f, after, size); err != nil || !slices.EqualFunc(hits, chosen, sameHit) {
			t.Errorf("%+v finds %v by %+v, but %v (%v) by the chosen path", f, hits, path, chosen, err)
		}
		if err != nil {
			t.Fatalf("%+v by %+v: %v", f, path, err)
		}
		for _, hit := range hits {
			skus = append(skus, hit.SKU)
		}
		if len(hits) < size {
			return skus
		}
		end := f.position(hits[len(hits)-1], "")
		after = &end
	}
	t.Fatal("the pages do not end")
	return nil
}

func sameHit(a, b searchHit) bool { return a.ID == b.ID && a.otherTier == b.otherTier }

type chooser func(context.Context, database.Queryer, search) (accessPath, error)

// TestEveryAccessPath reads many searches in small pages by every access path, and compares
// the results to those without a database: all products, once, in order.
func TestEveryAccessPath(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	products := randomProducts(120)
	if err := insertProducts(t.Context(), db, products...); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, db, products...)
	by := func(path accessPath) chooser {
		return func(context.Context, database.Queryer, search) (accessPath, error) { return path, nil }
	}
	for _, order := range []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance} {
		for _, words := range [][]string{{"a"}, {"e"}, {"a", "b"}, {"d", "a"}, {"b", "c", "a"}} {
			for _, filters := range []int{0, 1, 4, 6, 7} {
				f := search{Words: words, Text: "x", Order: order, MaxPrice: money.Max, InStock: filters&4 != 0}
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
	db := dbtest.New(t, Migrations)
	products := randomProducts(maxCategoryCount + 20)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price.Amount = Active, "often", "forever", "tea", 100
		if i < 20 {
			p.Description, p.Category, p.Price.Amount = "seldom", "pots", 50
		}
		if i < 5 {
			p.Name = "hardly"
		}
	}
	if err := insertProducts(t.Context(), db, products...); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, db, products...)
	for name, c := range map[string]struct {
		search search
		want   string
	}{
		"one word":                       {search{Words: []string{"often"}}, "often"},
		"the rarest word":                {search{Words: []string{"often", "hardly", "seldom"}}, "hardly"},
		"a rarer category":               {search{Words: []string{"often"}, Category: "pots"}, "product_by_category"},
		"a word rarer than the category": {search{Words: []string{"hardly"}, Category: "pots"}, "hardly"},
		"a category as frequent":         {search{Words: []string{"often"}, Category: "tea"}, "often"},
		"a rarer price":                  {search{Words: []string{"often"}, MinPrice: 1, MaxPrice: 50}, "product_by_price"},
		"a rarer price of a category":    {search{Words: []string{"often"}, Category: "tea", MinPrice: 101}, "product_by_category_price"},
		"few to sort":                    {search{Words: []string{"seldom"}, Order: ByName}, "seldom"},
		"too many to sort":               {search{Words: []string{"forever"}, Order: ByName}, "product_by_name"},
		"too many of a category":         {search{Words: []string{"often"}, Category: "tea", Order: PriceDescending}, "product_by_category_price"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.search
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
