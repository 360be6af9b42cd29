package search

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
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
		return !f.hasWords(p) || p.Status != OnSale || f.Category != "" && p.Category != f.Category ||
			p.Price < f.MinPrice || p.Price > f.MaxPrice || f.InStock && p.Available == 0
	})
	tier := f.naiveTier
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

// containsAll reports whether a text has all words.
func containsAll(text string, words []string) bool {
	all := tokenize(text)
	return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(all, word) })
}

// containsPrefix reports whether a word of the text begins with the query's prefix.
func (f Query) containsPrefix(text string) bool {
	return f.Prefix != "" && slices.ContainsFunc(split(text), func(word string) bool { return strings.HasPrefix(word, f.Prefix) })
}

func (p item) labels() string { return p.Name + " " + p.Category + " " + p.SKU }

func (f Query) hasWords(p item) bool {
	all := p.labels() + " " + p.Description
	return containsAll(all, f.Words) || len(f.Words) > 0 && containsAll(all, f.Words[:len(f.Words)-1]) && f.containsPrefix(p.labels())
}

// naiveTier returns the place of a product that the search finds in the order of relevance.
func (f Query) naiveTier(p item) int {
	switch {
	case containsAll(p.Name, f.Words):
		return 0
	case containsAll(p.labels()+" "+p.Description, f.Words):
		return 2
	case containsAll(p.Name, f.Words[:len(f.Words)-1]) && f.containsPrefix(p.Name):
		return 1
	}
	return 3
}

// pages returns the SKUs of a search page by page, by the access path that choose returns.
func (f Query) pages(t *testing.T, db *database.DB, size int, choose chooser) []string {
	t.Helper()
	skus := []string{}
	var after *Position
	for range 1_000 {
		paths, err := choose(t.Context(), db, f, size)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := items.selectByPaths(t.Context(), db, f, paths, after, size)
		if chosen, err := items.Select(t.Context(), db, f, after, size); err != nil || !slices.EqualFunc(hits, chosen, sameHit) {
			t.Errorf("%+v finds %v by %+v, but %v (%v) by the chosen path", f, hits, paths, chosen, err)
		}
		if err != nil {
			t.Fatalf("%+v by %+v: %v", f, paths, err)
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

func sameHit(a, b Hit[item]) bool { return a.Product.ID == b.Product.ID && a.tier == b.tier }

type chooser func(context.Context, database.Queryer, Query, int) ([]accessPath, error)

// by returns a chooser of one access path, by the rarest word or by an index.
func by(index string) chooser {
	return func(_ context.Context, _ database.Queryer, f Query, _ int) (paths []accessPath, err error) {
		for _, terms := range f.parts() {
			paths = append(paths, accessPath{terms: terms, byWord: index == "", index: index})
		}
		return paths, nil
	}
}

// tryOrdered returns a chooser of access paths that try the order of the search.
func tryOrdered(pageEntries, maxEntries int, fallback accessPath) chooser {
	return func(_ context.Context, _ database.Queryer, f Query, _ int) (paths []accessPath, err error) {
		for _, terms := range f.parts() {
			others := fallback
			others.terms = terms
			paths = append(paths, accessPath{terms: terms, index: f.orderIndex(), attempt: &attempt{pageEntries, maxEntries, others}})
		}
		return paths, nil
	}
}

// choosers returns choosers of every access path of a search with words.
func (f Query) choosers() []chooser {
	all := []chooser{chooseAccessPaths, by("")}
	if index := f.filterIndex(); index != "" {
		all = append(all, by(index))
	}
	if index := f.stockIndex(); index != "" {
		all = append(all, by(index))
	}
	if f.Order != Relevance {
		all = append(all, by(f.orderIndex()))
	}
	if f.sortsByPrice() {
		for _, entries := range []int{1, 7, 1_000} {
			all = append(all, tryOrdered(entries, 20, accessPath{byWord: true}), tryOrdered(entries, 5*entries, accessPath{index: "product_by_status"}))
		}
	}
	return all
}

// requireFinds fails the test unless a search finds the same products by every access path as
// without a database: all of them, once, in order.
func (f Query) requireFinds(t *testing.T, db *database.DB, products []item, pageSize int) {
	t.Helper()
	want := f.finds(products)
	for i, choose := range f.choosers() {
		if got := f.pages(t, db, pageSize, choose); !slices.Equal(got, want) {
			t.Errorf("%+v by access path %d:\n%v, want\n%v", f, i, got, want)
		}
	}
}

var orders = []Order{Newest, PriceAscending, PriceDescending, ByName, Relevance}

// TestEveryAccessPath reads many searches in small pages by every access path.
func TestEveryAccessPath(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(120)
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	for _, order := range orders {
		for _, words := range [][]string{{"a"}, {"e"}, {"a", "b"}, {"d", "a"}, {"b", "c", "a"}} {
			for _, filters := range []int{0, 1, 4, 6, 7} {
				f := Query{Words: words, Text: "x", Order: order, MaxPrice: money.Max, InStock: filters&4 != 0}
				if filters&1 != 0 {
					f.Category = "c1"
				}
				if filters&2 != 0 {
					f.MinPrice, f.MaxPrice = 2, 8
				}
				f.requireFinds(t, db, products, 3+filters)
			}
		}
	}
}

// changer changes the database before the statement with a number that reads products.
type changer struct {
	database.Queryer
	at     int
	change func()
}

func (c *changer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.Contains(query, "AS tier") {
		if c.at--; c.at == 0 {
			c.change()
		}
	}
	return c.Queryer.QueryContext(ctx, query, args...)
}

// TestChangesBetweenStatements moves the first product to the end of a search between two of its statements.
// The page must be full, and have each product once.
func TestChangesBetweenStatements(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	const limit = 9
	product := func(i int) item {
		return item{
			ID: uuid.UUID{0: byte(i), 6: 0x70, 8: 0x80}, SKU: fmt.Sprintf("N%d", i), Name: "a", Category: "b",
			Price: int64(i), Available: 1, Status: OnSale,
		}
	}
	mustSave := func(p item) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), `UPDATE product SET name = ?, description = ?, price_amount = ? WHERE id = ?`, p.Name, p.Description, p.Price, p.ID[:])
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, db, []item{p})
	}
	var products []item
	for i := range 12 {
		p := product(i + 1)
		if i < 9 { // the others are in another tier of a search by relevance
			p.Name, p.Description = "c", "a"
		}
		products = append(products, p)
	}
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	for name, test := range map[string]struct {
		order    Order
		choose   chooser
		moved    int
		newName  string
		newPrice int64
	}{
		"in the order of the price": {PriceAscending, tryOrdered(2, 20, accessPath{byWord: true}), 0, "c", 7},
		"before the fallback":       {PriceAscending, tryOrdered(2, 2, accessPath{byWord: true}), 0, "c", 7},
		"in descending order":       {PriceDescending, tryOrdered(2, 20, accessPath{byWord: true}), 11, "a", 6},
		"by relevance":              {Relevance, by(""), 11, "c", 12},
	} {
		t.Run(name, func(t *testing.T) {
			f := Query{Words: []string{"a"}, Text: "a", Order: test.order, MaxPrice: money.Max}
			paths, err := test.choose(t.Context(), db, f, limit)
			if err != nil {
				t.Fatal(err)
			}
			moved := products[test.moved]
			moved.Name, moved.Description, moved.Price = test.newName, "a", test.newPrice
			q := &changer{Queryer: db, at: 2, change: func() { mustSave(moved) }}
			hits, err := items.selectByPaths(t.Context(), q, f, paths, nil, limit)
			if err != nil {
				t.Fatal(err)
			}
			mustSave(products[test.moved])
			ids := map[uuid.UUID]bool{}
			for i := range hits {
				ids[hits[i].Product.ID] = true
			}
			if q.at > 0 || len(hits) != limit || len(ids) != limit || !ids[moved.ID] {
				t.Errorf("%d products, %d different ones, with the moved one: %t, want %d with it", len(hits), len(ids), ids[moved.ID], limit)
			}
		})
	}
}

// similarWords are words that begin with others, are plurals of others, or end like plurals.
var similarWords = strings.Fields("a ab abs abc bas bass basses berry berries tea teas teapot teapots é éa straße box boxes axes ax हिन्दी हि")

// TestEveryPrefix compares random searches, whose last word may be incomplete, to those without a
// database.
func TestEveryPrefix(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	draw := func(n int) string {
		words := make([]string, n)
		for i := range words {
			words[i] = similarWords[random.IntN(len(similarWords))]
		}
		return strings.Join(words, " ")
	}
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(100)
	for i := range products {
		p := &products[i]
		// Names are compared without a collation, in which é is e.
		p.Name, p.Description, p.Category, p.SKU = fold(draw(1+random.IntN(3))), draw(random.IntN(4)), draw(random.IntN(2)), fmt.Sprint("tea-b", i)
	}
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	for range 60 {
		typed := []rune(draw(1 + random.IntN(3)))
		f := Query{Text: "x", Order: orders[random.IntN(len(orders))], MaxPrice: money.Max, InStock: random.IntN(3) == 0}
		f.Words, f.Prefix = Terms(string(typed[:1+random.IntN(len(typed))]))
		if random.IntN(3) == 0 {
			f.MinPrice, f.Category = int64(random.IntN(5)), []string{"", "tea", "a"}[random.IntN(3)]
		}
		f.requireFinds(t, db, products, 3+random.IntN(20))
	}
}

// TestChooseAccessPath chooses access paths for words and filters with many and few
// products.
func TestChooseAccessPath(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	products := randomProducts(1_020)
	for i := range products {
		p := &products[i]
		p.Status, p.Name, p.Description, p.Category, p.Price = OnSale, "often", "forever", "tea", 100
		if i >= 600 {
			p.Description = "usual"
		}
		if i < 20 {
			p.Description, p.Category, p.Price = "seldom", "pots", 50
		}
		if i < 5 {
			p.Name = "hardly"
		}
	}
	mustInsert(t.Context(), t, db, products)
	mustWrite(t, db, products)
	dbtest.Analyze(t, db, "product", "product_word")
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"one word":                       {Query{Words: []string{"often"}}, "often"},
		"the rarest of frequent words":   {Query{Words: []string{"often", "usual"}}, "usual"},
		"the rarest word":                {Query{Words: []string{"often", "hardly", "seldom"}}, "hardly"},
		"a rarer category":               {Query{Words: []string{"often"}, Category: "pots"}, "product_by_category"},
		"a word rarer than the category": {Query{Words: []string{"hardly"}, Category: "pots"}, "hardly"},
		"a category as frequent":         {Query{Words: []string{"forever"}, Category: "tea"}, "forever"},
		"a rarer price":                  {Query{Words: []string{"often"}, MinPrice: 1, MaxPrice: 50}, "product_by_price"},
		"a rarer price of a category":    {Query{Words: []string{"often"}, Category: "tea", MinPrice: 101}, "product_by_category_price"},
		"few to sort":                    {Query{Words: []string{"seldom"}, Order: ByName}, "seldom"},
		"too many to sort":               {Query{Words: []string{"often"}, Order: ByName}, "product_by_name"},
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
			paths, err := chooseAccessPaths(t.Context(), db, f, 21)
			if err != nil {
				t.Fatal(err)
			}
			got := paths[0].index
			if paths[0].byWord {
				got = paths[0].terms[0].word
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
	for _, order := range orders {
		for _, words := range [][]string{nil, {"often"}, {"often", "batch8"}, {"often", "batch8", "oft"}} {
			if order == Relevance && words == nil {
				continue
			}
			for filters := range 16 {
				f := Query{Order: order, MaxPrice: money.Max, InStock: filters&1 != 0, Words: words, LowStock: filters&8 != 0}
				if len(words) > 0 && words[len(words)-1] != "batch8" {
					f.Prefix = "oft"
				}
				if filters&2 != 0 {
					f.Category = p.Category
				}
				if filters&4 != 0 {
					f.MinPrice, f.MaxPrice = p.Price-50, p.Price+50
				}
				for _, after := range []*Position{nil, {ID: p.ID, Price: p.Price, Name: p.Name, Tier: filters & 1}} {
					if _, err := items.Select(ctx, q, f, after, 21); err != nil {
						return fmt.Errorf("%+v: %w", f, err)
					}
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
	db := dbtest.NewFilled(t, filled, migrations)
	p := item{ID: uuid.New(), SKU: "A1", Name: "Assam", Category: "v7", Price: 5_000, Status: OnSale}
	if err := everySearch(t.Context(), db, p); err != nil {
		t.Error(err)
	}
}
