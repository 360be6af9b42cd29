package search

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/emailaddress"
	"souk/shared/words"
)

// migrations create the tables of the order service, which this package cannot import.
var migrations = database.Migrations{Name: "order", FS: os.DirFS("../../migrations")}

func TestMain(m *testing.M) {
	os.Exit(dbtest.NewPlanChecker(m, filled, migrations).Run())
}

// filled are the values of a shop with many orders.
var filled = dbtest.Rows{
	"orders.status":          "IF(n % 128 = 0, 'confirmed', IF(n % 7 = 0, 'cancelled', 'delivered'))",
	"orders.total_currency":  "IF(n % 10 = 0, 'USD', 'EUR')",
	"orders.total_amount":    "100 + n * 37 % 9973",
	"orders.user_id":         "UNHEX(RPAD(LPAD(HEX(n % 20), 12, '0'), 32, '7'))",
	"order_item.product_id":  "UNHEX(RPAD(LPAD(HEX(n % 20), 12, '0'), 32, '7'))",
	"order_item.order_id":    "UNHEX(RPAD(LPAD(HEX(1700000000000 + n), 12, '0'), 32, '7'))",
	"order_word.word":        "IF(n % 2 = 1, 'often', CONCAT('seldom', n % 10))",
	"order_tag.tag":          "IF(n % 2 = 1, 'often', CONCAT('seldom', n % 10))",
	"guest_order.mailbox":    "UNHEX(RPAD(LPAD(HEX(n % 20), 12, '0'), 32, '7'))",
	"shipment_item.line":     "0",
	"order_return_item.line": "0",
}

// row is an order as these tests read it.
type row struct {
	ID, Customer       uuid.UUID
	Number, Status     string
	Total              int64
	Currency           string
	Created, Updated   time.Time
	product            uuid.UUID
	mailbox            uuid.UUID // of a guest
	person, productSKU string
	tag                string
}

var rows = Table[row]{
	Columns: `id, user_id, number, status, total_amount, total_currency, created_at, updated_at`,
	Scan: func(s database.Scanner) (r row, err error) {
		var number sql.NullString
		err = s.Scan(&r.ID, &r.Customer, &number, &r.Status, &r.Total, &r.Currency, &r.Created, &r.Updated)
		r.Number = number.String
		return r, err
	},
	Key: func(r *row) Key { return Key{ID: r.ID, Total: r.Total, UpdatedAt: r.Updated} },
}

// start is when the first order was placed.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func numberedID(kind byte, n int) uuid.UUID { return uuid.UUID{0: kind, 15: byte(n)} }

// randomRows returns orders with few different values, so that many share them.
func randomRows(n int) []row {
	random := rand.New(rand.NewPCG(1, 2))
	statuses := []string{"pending", "confirmed", "shipped", "cancelled"}
	all := make([]row, n)
	for i := range all {
		created := start.Add(time.Duration(i) * 7 * time.Second)
		id := FirstID(created)
		id[6], id[8], id[15] = 0x70, 0x80, byte(i)
		all[i] = row{
			ID: id, Customer: numberedID(1, random.IntN(4)), Number: fmt.Sprintf("7KQ%05d", i*131%n), Status: statuses[random.IntN(4)],
			Total: int64(random.IntN(10)), Currency: []string{"EUR", "USD"}[random.IntN(2)],
			Created: created, Updated: start.Add(time.Duration(random.IntN(2*n)) * time.Second),
			product: numberedID(2, random.IntN(4)), person: string(rune('a' + random.IntN(4))), productSKU: string(rune('c'+random.IntN(4))) + " x",
			tag: string(rune('a' + random.IntN(4))),
		}
		if random.IntN(4) == 0 {
			all[i].mailbox = emailaddress.ID("a@example.com")
			all[i].Customer = id
		}
	}
	return all
}

// mustInsert inserts orders with their words, and a customer whose account has an address of a guest.
func mustInsert(t *testing.T, db *database.DB, all []row) {
	t.Helper()
	var orders, items, guests, tags [][]any
	documents := make([]Document, len(all))
	for i := range all {
		r := &all[i]
		orders = append(orders, []any{r.ID[:], r.Customer[:], r.Number, r.Status, r.Total, r.Currency, r.Created, r.Updated, 1})
		items = append(items, []any{r.ID[:], 0, r.product[:], "", r.productSKU, 1, 1})
		tags = append(tags, []any{r.tag, r.ID[:]}, []any{"all", r.ID[:]})
		documents[i] = Document{ID: r.ID, Persons: []string{r.person}, Products: []string{r.productSKU}}
		if r.mailbox != uuid.Nil {
			guests = append(guests, []any{r.ID[:], r.mailbox[:], r.Created})
		}
	}
	account := numberedID(1, 0)
	mailbox := emailaddress.ID("a@example.com")
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		for _, table := range []struct {
			target string
			rows   [][]any
		}{
			{"orders (id, user_id, number, status, total_amount, total_currency, created_at, updated_at, version)", orders},
			{"order_item (order_id, line, product_id, sku, name, unit_price, quantity)", items},
			{"guest_order (order_id, mailbox, placed_at)", guests},
			{"order_tag (tag, order_id)", tags},
			{"customer (user_id, mailbox)", [][]any{{account[:], mailbox[:]}}},
		} {
			if err := database.InsertRows(ctx, tx, table.target, "", table.rows); err != nil {
				return err
			}
		}
		return Insert(ctx, tx, documents...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finds returns the ids of the orders that match a search, in order. It does not use the database.
func (q *Query) finds(all []row) []uuid.UUID {
	hits := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !q.matches(&r) })
	slices.SortFunc(hits, func(a, b row) int { return q.compare(q.position(rows.Key(&a)), q.position(rows.Key(&b))) })
	ids := []uuid.UUID{}
	for i := range hits {
		ids = append(ids, hits[i].ID)
	}
	return ids
}

func (q *Query) matches(r *row) bool {
	in := func(i Interval, at time.Time) bool {
		return (i.From.IsZero() || !at.Before(i.From)) && (i.To.IsZero() || at.Before(i.To))
	}
	has := words.Split(r.person + " " + r.productSKU)
	return !slices.ContainsFunc(q.Words, func(word string) bool { return !slices.Contains(has, word) }) &&
		strings.HasPrefix(r.Number, q.Number) && (q.Tag == "" || q.Tag == "all" || q.Tag == r.tag) &&
		(q.Mailbox == uuid.Nil || r.mailbox == q.Mailbox || r.Customer == numberedID(1, 0) && q.Mailbox == emailaddress.ID("a@example.com")) &&
		(!q.Customer.Valid || r.Customer == q.Customer.UUID) && (!q.Product.Valid || r.product == q.Product.UUID) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, r.Status)) && in(q.Created, r.Created) && in(q.Updated, r.Updated) &&
		r.Total >= q.MinTotal && r.Total <= q.MaxTotal && (q.Currency == "" || r.Currency == q.Currency)
}
