package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/emailaddress"
	"souk/shared/money"
)

// drawQuery draws a search with some of the filters.
func drawQuery(t *rapid.T, orders int) Query {
	q := Query{MaxTotal: money.Max, Order: rapid.SampledFrom([]Order{Newest, Oldest, TotalDescending, TotalAscending, LastChanged, FirstChanged}).Draw(t, "order")}
	draws := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }
	if rapid.Bool().Draw(t, "words") {
		q.Words = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "x", "none"}), 1, 3, rapid.ID).Draw(t, "of")
	}
	if draws("number") {
		q.Number = rapid.SampledFrom([]string{"7KQ", "7KQ000", "7KQ00017", "000"}).Draw(t, "is")
	}
	if draws("mailbox") {
		q.Mailbox = emailaddress.ID(rapid.SampledFrom([]string{"a@example.com", "b@example.com"}).Draw(t, "address"))
	}
	if draws("customer") {
		q.Customer = uuid.NullUUID{UUID: numberedID(1, rapid.IntRange(0, 4).Draw(t, "n")), Valid: true}
	}
	if draws("product") {
		q.Product = uuid.NullUUID{UUID: numberedID(2, rapid.IntRange(0, 4).Draw(t, "n")), Valid: true}
	}
	if draws("tag") {
		q.Tag = rapid.SampledFrom([]string{"a", "b", "all", "none"}).Draw(t, "is")
	}
	if draws("statuses") {
		q.Statuses = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"pending", "confirmed", "shipped", "delivered"}), 1, 3, rapid.ID).Draw(t, "in")
	}
	interval := func(name string, within time.Duration) (i Interval) {
		at := func() time.Time {
			return start.Add(time.Duration(rapid.IntRange(0, int(within/time.Second)).Draw(t, "s")) * time.Second)
		}
		if draws(name + " from") {
			i.From = at()
		}
		if draws(name + " to") {
			i.To = at()
		}
		return i
	}
	q.Created, q.Updated = interval("created", time.Duration(orders)*7*time.Second), interval("updated", time.Duration(orders)*2*time.Second)
	if draws("totals") || q.column() == "total_amount" {
		q.Currency = "EUR"
		q.MinTotal, q.MaxTotal = int64(rapid.IntRange(0, 5).Draw(t, "min")), int64(rapid.IntRange(3, 20).Draw(t, "max"))
	}
	return q
}

// readPages returns the ids that a search finds page by page, with a source for each page.
func readPages(ctx context.Context, db *database.DB, q *Query, size int, choose func([]source) *source) ([]uuid.UUID, error) {
	ids := []uuid.UUID{}
	var after *Position
	for range 1_000 {
		accounts, err := q.accounts(ctx, db)
		if err != nil {
			return nil, err
		}
		found, end, err := rows.selectFrom(ctx, db, q, choose(q.sources(accounts)), accounts, after, size)
		if err != nil {
			return nil, err
		}
		for i := range found {
			ids = append(ids, found[i].ID)
		}
		switch {
		case len(found) == size:
			last := rows.Position(q, &found[size-1], "")
			after = &last
		case end != nil:
			after = end
		default:
			return ids, nil
		}
	}
	return nil, fmt.Errorf("the pages do not end")
}

// TestEverySource reads random searches in small pages by every source, of which a request reads few
// entries, and compares the results to those without a database: all orders, once, in order.
func TestEverySource(t *testing.T) {
	t.Parallel()
	db := dbtest.NewUnchecked(t, migrations)
	all := randomRows(150)
	mustInsert(t, db, all)
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t, len(all))
		q.scan = rapid.SampledFrom([]int{5, 40, 1_000}).Draw(t, "scan")
		size := rapid.IntRange(1, 60).Draw(t, "size")
		estimates := source{entries: rapid.SampledFrom([]float64{0, 10, 1_000}).Draw(t, "entries"), fill: rapid.SampledFrom([]float64{0, 1, 8, 100}).Draw(t, "fill")}
		accounts, err := q.accounts(context.Background(), db)
		if err != nil {
			t.Fatal(err)
		}
		want := q.finds(all)
		for i := range q.sources(accounts) {
			got, err := readPages(context.Background(), db, &q, size, func(all []source) *source {
				all[i].entries, all[i].fill = estimates.entries, estimates.fill
				return &all[i]
			})
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Fatalf("%+v by source %d: %v (-want +got):\n%s", q, i, err, diff)
			}
		}
		chosen, end, err := rows.Select(context.Background(), db, &q, nil, len(all)+1)
		if len(chosen) > len(want) || err != nil || end == nil && len(chosen) != len(want) {
			t.Fatalf("%+v finds %d of %d orders, up to %+v: %v", q, len(chosen), len(want), end, err)
		}
	})
}

// TestChooseSource checks the sources of searches among many orders.
func TestChooseSource(t *testing.T) {
	t.Parallel()
	db := dbtest.NewFilled(t, filled, migrations)
	customer := uuid.NullUUID{UUID: uuid.MustParse("00000000-0005-7777-7777-777777777777"), Valid: true}
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"all orders":                         {Query{}, "PRIMARY"},
		"by total":                           {Query{Order: TotalAscending, Currency: "EUR"}, "orders_by_total"},
		"by change":                          {Query{Order: LastChanged}, "orders_by_update"},
		"a status":                           {Query{Statuses: []string{"confirmed"}}, "orders_by_status"},
		"a status of a customer":             {Query{Statuses: []string{"confirmed"}, Customer: customer}, "orders_by_user_status"},
		"a customer":                         {Query{Customer: customer}, "orders_by_user"},
		"a customer by total":                {Query{Customer: customer, Order: TotalAscending, Currency: "EUR"}, "orders_by_user"},
		"a product":                          {Query{Product: customer}, "order_item_by_product"},
		"a tag":                              {Query{Tag: "often"}, "order_tag.PRIMARY"},
		"a rare tag by total":                {Query{Tag: "seldom4", Order: TotalAscending, Currency: "EUR"}, "order_tag.PRIMARY"},
		"a frequent tag and a rare word":     {Query{Tag: "often", Terms: Terms{Words: []string{"seldom4"}}}, "seldom4"},
		"a word":                             {Query{Terms: Terms{Words: []string{"often"}}}, "often"},
		"the rarer of two words":             {Query{Terms: Terms{Words: []string{"often", "seldom4"}}}, "seldom4"},
		"a rare word by total":               {Query{Terms: Terms{Words: []string{"seldom4"}}, Order: TotalAscending, Currency: "EUR"}, "seldom4"},
		"a frequent word by total":           {Query{Terms: Terms{Words: []string{"often"}}, Order: TotalAscending, Currency: "EUR"}, "orders_by_total"},
		"a rare status and a frequent word":  {Query{Terms: Terms{Words: []string{"often"}}, Statuses: []string{"confirmed"}}, "orders_by_status"},
		"a frequent status and a rare word":  {Query{Terms: Terms{Words: []string{"seldom4"}}, Statuses: []string{"delivered"}}, "seldom4"},
		"a number":                           {Query{Terms: Terms{Number: "V77"}}, "orders_by_number"},
		"an address":                         {Query{Terms: Terms{Mailbox: customer.UUID}}, "guest_order_by_mailbox"},
		"few totals":                         {Query{MinTotal: 100, MaxTotal: 110, Currency: "EUR"}, "orders_by_total"},
		"most totals":                        {Query{MinTotal: 100, MaxTotal: money.Max, Currency: "EUR"}, "PRIMARY"},
		"few recent changes, newest first":   {Query{Updated: Between(time.Now().Add(-10*time.Minute), time.Time{})}, "orders_by_update"},
		"a day of creation and a rare word":  {Query{Created: Interval{From: time.UnixMilli(1_700_000_000_000), To: time.UnixMilli(1_700_000_100_000)}, Terms: Terms{Words: []string{"seldom4"}}}, "seldom4"},
		"a moment of creation and a product": {Query{Created: Interval{From: time.UnixMilli(1_700_000_004_000), To: time.UnixMilli(1_700_000_004_001)}, Product: customer}, "order_item_by_product"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := c.query
			if q.Order == "" {
				q.Order = Newest
			}
			if q.MaxTotal == 0 {
				q.MaxTotal = money.Max
			}
			s, err := q.chooseSource(t.Context(), db, q.sources(nil), 21)
			if err != nil {
				t.Fatal(err)
			}
			hint := s.lists[0].hint
			if s.fulfils[0] == byTag {
				hint = "order_tag." + hint
			}
			if got := s.word; got != c.want && hint != c.want {
				t.Errorf("reads by %s %s, want %s", hint, got, c.want)
			}
		})
	}
}

// TestRowsRead counts the rows that the server reads for random searches among many orders, by every
// source in the order of the search. The number is bounded by the entries that a request may read.
func TestRowsRead(t *testing.T) {
	t.Parallel()
	db := dbtest.NewFilled(t, filled, migrations)
	ids, err := database.Collect(t.Context(), db, database.ScanColumn[uuid.UUID], `SELECT id FROM orders ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	const scan, limit = 300, 21
	customer := uuid.NullUUID{UUID: uuid.MustParse("00000000-0005-7777-7777-777777777777"), Valid: true}
	for _, order := range []Order{Newest, Oldest, TotalDescending, LastChanged} {
		for filters := range 1 << 8 {
			q := Query{Order: order, MaxTotal: money.Max, scan: scan}
			for i, set := range []func(){
				func() { q.Words = []string{"often", "seldom4"} }, func() { q.Number = "V77" }, func() { q.Mailbox = customer.UUID },
				func() { q.Customer = customer }, func() { q.Product = customer }, func() { q.Statuses = []string{"cancelled", "confirmed"} },
				func() { q.Tag = "often" },
				func() {
					q.Created.From, q.Updated.From = start.AddDate(-20, 0, 0), start.AddDate(-20, 0, 0)
					q.Currency, q.MinTotal = "EUR", 101
				},
			} {
				if filters&(1<<i) != 0 {
					set()
				}
			}
			if q.column() == "total_amount" {
				q.Currency, q.MinTotal = "EUR", 101
			}
			after := Position{ID: ids[len(ids)/2], Value: 5_000}
			if order == LastChanged {
				after.Value = time.Now().Add(-time.Hour).UnixMicro()
			}
			accounts, err := q.accounts(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			accounts = append(accounts, customer.UUID)
			for i, s := range q.sources(accounts) {
				if s.sortedBy != q.column() {
					continue
				}
				s.fill = []float64{0, 20, 150}[filters%3] // one window or two
				got := dbtest.RowsRead(t, db, func(ctx context.Context, tx *database.Tx) error {
					_, _, err := rows.selectFrom(ctx, tx, &q, &s, accounts, &after, limit)
					return err
				})
				// Each entry of the end, and of the page with a row of each table; then the rows of the page.
				if most := len(s.lists) * (scan + 7*scan + 150); got > most {
					t.Errorf("%+v by source %d reads %d rows, want at most %d", q, i, got, most)
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	mailbox := emailaddress.ID("amira@example.com")
	for text, want := range map[string]Terms{
		"":                                   {},
		"  ":                                 {},
		"s-7kq4-2mxw":                        {Number: "7KQ42MXW"},
		"Amira@Example.com":                  {Mailbox: mailbox},
		"Haddad, ASSAM teas":                 {Words: []string{"haddad", "assam", "tea"}},
		"amira@example.com S-7KQ assam":      {Mailbox: mailbox, Number: "7KQ", Words: []string{"assam"}},
		"S-7K":                               {Words: []string{"s", "7k"}},
		"--":                                 {Nothing: true},
		"S-7KQ S-7KR":                        {Number: "7KR", Nothing: true},
		"a@example.com amira@example.com":    {Mailbox: mailbox, Nothing: true},
		strings.Repeat("a1 b2 c3 d4 ", 3):    {Words: []string{"a1", "b2", "c3", "d4"}},
		"a1 b1 c1 d1 e1 f1 g1 h1 i1 j1 k1 l": {Words: []string{"a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1"}},
	} {
		if diff := cmp.Diff(want, Parse(text), cmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, q := range map[string]Query{
		"nothing": {}, "a word": {Terms: Terms{Words: []string{"a"}}}, "another": {Terms: Terms{Words: []string{"b"}}},
		"a number": {Terms: Terms{Number: "7KQ"}}, "a status": {Statuses: []string{"pending"}}, "an order": {Order: Oldest},
		"a time": {Created: Interval{From: start}}, "a time of change": {Updated: Interval{From: start}}, "a total": {MinTotal: 1},
		"a currency": {Currency: "EUR"}, "a tag": {Tag: "a"}, "a customer": {Customer: uuid.NullUUID{Valid: true}}, "a product": {Product: uuid.NullUUID{Valid: true}},
	} {
		hash, err := q.Hash()
		if err != nil || seen[hash] != "" {
			t.Errorf("%s has the hash of %s: %v", name, seen[hash], err)
		}
		seen[hash] = name
	}
}

// TestWords checks which words are stored as personal.
func TestWords(t *testing.T) {
	t.Parallel()
	d := Document{Persons: []string{"Amira Assam", "Assam"}, Products: []string{"TEA-1", "Assam teas"}}
	want := []entry{{"amira", true}, {"tea", false}, {"1", false}, {"assam", false}}
	if got := d.entries(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	d.Products = nil
	for i := range 300 {
		d.Products = append(d.Products, fmt.Sprintf("word%d other%d", i, i))
	}
	if got := d.entries(); len(got) != maxWords || !got[0].personal {
		t.Errorf("got %d words, the first %+v, want %d", len(got), got[0], maxWords)
	}
}
