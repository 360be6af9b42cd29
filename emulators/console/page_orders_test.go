package console

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/emulators/trace"
	order "souk/functions/order/migrations"
	product "souk/functions/product/migrations"
	user "souk/functions/user/migrations"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// newDatabases returns the databases of a shop with one order, which was confirmed and whose
// confirmation is not published.
func newDatabases(t *testing.T) map[string]database.URL {
	t.Helper()
	urls := map[string]database.URL{
		"order":   dbtest.Create(t, append(function.Migrations(), order.All)...),
		"product": dbtest.Create(t, append(function.Migrations(), product.All)...),
		"user":    dbtest.Create(t, append(function.Migrations(), user.All)...),
	}
	db, err := database.Open(database.Config{URL: urls["order"]})
	if err != nil {
		t.Fatal(err)
	}
	id, event, customer := uuid.MustParse(testOrder), uuid.Must(uuid.NewV7()), uuid.New()
	placed := time.Now().UTC().Add(-time.Hour)
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at) VALUES (?, ?, 'confirmed', 2598, 'EUR', 2, ?, ?)`,
			[]any{id[:], customer[:], placed, placed}},
		{`INSERT INTO order_item (order_id, line, product_id, name, unit_price, quantity) VALUES (?, 0, ?, 'Assam <tea>', 1299, 2)`, []any{id[:], event[:]}},
		{`INSERT INTO order_history (order_id, version, status, moved_at, reason, actor) VALUES (?, 1, 'pending', ?, '', 'customer'), (?, 2, 'confirmed', ?, '', 'system')`,
			[]any{id[:], placed, id[:], placed.Add(42 * time.Millisecond)}},
		{`INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at) VALUES (?, 'order', ?, 'order-confirmed', '{"reason":"none"}', '', ?)`,
			[]any{event[:], testOrder, placed.Add(42 * time.Millisecond)}},
	} {
		if _, err := db.ExecContext(t.Context(), statement.text, statement.args...); err != nil {
			t.Fatalf("%s: %v", statement.text, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return urls
}

func TestPagesOfDatabases(t *testing.T) {
	t.Parallel()
	urls := newDatabases(t)
	_, base := newConsole(t, func(o *Options) { o.Databases, o.Traces = urls, newTraces() })
	for _, test := range []struct {
		name, path string
		texts      []string
	}{
		{"orders are listed with their total and the time to the decision", "/orders", []string{"confirmed", "25.98 EUR", "42 ms", "Assam &lt;tea&gt;", "/orders?id=" + testOrder}},
		{"a status selects orders", "/orders?status=pending", []string{"No order matches"}},
		{"the beginning of an id selects orders", "/orders?q=" + testOrder[:13], []string{"25.98 EUR"}},
		{"what is no id is explained", "/orders?q=xyz", []string{"32 hexadecimal digits"}},
		{"an order has states, events, deliveries and traces", "/orders?id=" + testOrder, []string{
			"by customer", "order-confirmed", "waits in the outbox", "user-notify", "unsent", "POST /v1/orders", "&#34;reason&#34;", "&#43;42 ms",
		}},
		{"an order that does not exist is not found", "/orders?id=" + uuid.NewString(), []string{"Not found"}},
		{"connections, outboxes, statements and tables are shown", "/databases", []string{
			"Peak", "session-create", "order_history", "Pending", `<td class="number bad">1</td>`, "INSERT INTO orders VALUES (?)",
		}},
	} {
		t.Run(test.name, func(t *testing.T) { requireTexts(t, mustGet(t, base, test.path), test.texts...) })
	}
	t.Run("a server that is down is explained", func(t *testing.T) {
		_, base := newConsole(t, func(o *Options) {
			o.Databases, o.Traces = map[string]database.URL{}, trace.New(trace.Options{})
			for _, service := range []string{"order", "product", "user"} {
				o.Databases[service] = "mysql://u:secret@127.0.0.1:1/souk_" + database.URL(service)
			}
		})
		requireTexts(t, mustGet(t, base, "/databases"), "The database server does not respond", "without secret")
		requireTexts(t, mustGet(t, base, "/orders"), "The orders cannot be read", "without secret")
	})
}

func TestIsLogin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		user, login string
		want        bool
	}{
		{"souk_order", "order", true},
		{"souk_session_create", "session-create", true},
		{"a_long_shop_order", "order", true},
		{"souk_password_reset_mai_0a1b2c", "password-reset-mail", true},
		{"souk_password_reset_mai_0a1b2c", "password-change", false},
		{"souk_user", "order", false},
		{"root", "order", false},
		{"", "order", false},
	} {
		if got := isLogin(test.user, test.login); got != test.want {
			t.Errorf("user %q of login %q: %v, want %v", test.user, test.login, got, test.want)
		}
	}
}
