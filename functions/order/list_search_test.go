package order_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/emailaddress"
	"souk/shared/function/functiontest"
)

// mustFind lists orders with a query, and returns the names of those that it finds, in order.
func (s testService) mustFind(t *testing.T, token, query string, names map[uuid.UUID]string) string {
	t.Helper()
	var found []string
	for _, o := range s.mustList(t, token, "?"+query).Items {
		found = append(found, names[o.ID])
	}
	return strings.Join(found, " ")
}

// mustPlaceAsGuest places the order of a guest.
func (s testService) mustPlaceAsGuest(t *testing.T, email, name string, items ...map[string]any) order.Order {
	t.Helper()
	c := s.mustCreateCheckout(t, "", with(checkoutBody(items...), map[string]any{"email": email, "name": name}))
	var o order.Order
	s.completeCheckout(t, c.Token, c).MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

func TestListSearch(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin, account := s.Tokens.Admin(t), s.customer(t)
	assam, pot := s.mustAddProduct(t, "Assam, 250 g", 1299), s.mustAddProduct(t, "Teapot", 2500)
	s.Deliver(t, "order-adopt", functiontest.NewEvent(t, "email-confirmed",
		map[string]any{"userId": account.UserID, "emailId": emailaddress.ID("bela@example.com")})).MustBe(t, http.StatusNoContent)
	a := s.mustPlace(t, account, fixtures.Item(assam, 1))
	b := s.mustPlaceAsGuest(t, "bela@example.com", "Béla Kovács", fixtures.Item(pot, 1))
	c := s.mustPlaceAsGuest(t, "cleo@example.com", "Cleo Okafor", fixtures.Item(assam, 2), fixtures.Item(pot, 1))
	s.mustDeliverStock(t, "stock-reserved", b.ID, "")
	names := map[uuid.UUID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
	before := url.QueryEscape(c.CreatedAt.Format(time.RFC3339Nano))

	for query, want := range map[string]string{
		"":                                    "c b a",
		"q=assam":                             "c a",
		"q=ASSAM+250":                         "c a",
		"q=teapots+okafor":                    "c",
		"q=bela":                              "b",
		"q=kovacs+sku":                        "b",
		"q=bela%40example.com":                "b a",
		"q=Bela%40Example.com+assam":          "a",
		"q=other%40example.com":               "",
		"q=" + a.Number:                       "a",
		"q=" + strings.ToLower(a.Number[:7]):  "a",
		"q=" + a.Number + "+teapot":           "",
		"q=coffee":                            "",
		"q=%22%21":                            "",
		"status=confirmed":                    "b",
		"status=confirmed,pending":            "c b a",
		"status=confirmed,shipped&q=kovacs":   "b",
		"product=" + pot.String():             "c b",
		"customer=" + account.UserID.String(): "a",
		"currency=EUR&minTotal=2000":          "c b",
		"currency=EUR&maxTotal=2500":          "b a",
		"currency=EUR&orderBy=total":          "a b c",
		"currency=EUR&orderBy=-total":         "c b a",
		"currency=USD&orderBy=-total":         "",
		"orderBy=createdAt":                   "a b c",
		"orderBy=-updatedAt":                  "b c a",
		"createdFrom=" + before:               "c",
		"createdTo=" + before:                 "b a",
		"updatedFrom=" + before:               "c b",
		"updatedTo=" + before:                 "a",
	} {
		t.Run("finds "+query, func(t *testing.T) {
			t.Parallel()
			if got := s.mustFind(t, admin, query, names); got != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		})
	}

	t.Run("customers search their own orders", func(t *testing.T) {
		t.Parallel()
		for query, want := range map[string]string{
			"q=assam": "a", "q=bela%40example.com": "a", "q=cleo%40example.com": "", "q=" + c.Number: "", "product=" + pot.String(): "",
			"status=pending,confirmed": "a", "customer=" + account.UserID.String(): "a", "currency=EUR&orderBy=total": "a", "orderBy=updatedAt": "a",
		} {
			if got := s.mustFind(t, account.token, query, names); got != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
	})

	t.Run("staff gets the number of a customer's orders", func(t *testing.T) {
		t.Parallel()
		for query, want := range map[string]string{
			"?status=shipped&customer=" + account.UserID.String(): `"orderCount":{"count":1,"more":false}`, "?customer=" + uuid.NewString(): `"orderCount":{"count":0,"more":false}`,
		} {
			if got := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: admin}).MustBe(t, http.StatusOK); !strings.Contains(string(got.Body), want) {
				t.Errorf("got %s, want %s", got.Body, want)
			}
		}
		for token, query := range map[string]string{admin: "", account.token: "?customer=" + account.UserID.String()} {
			if got := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders" + query, Token: token}).MustBe(t, http.StatusOK); strings.Contains(string(got.Body), "orderCount") {
				t.Errorf("got %s", got.Body)
			}
		}
	})

	t.Run("pages are bound to their search", func(t *testing.T) {
		t.Parallel()
		token := s.mustList(t, admin, "?currency=EUR&orderBy=total&pageSize=2").NextPageToken
		if got := s.mustFind(t, admin, "currency=EUR&orderBy=total&pageSize=2&pageToken="+token, names); got != "c" {
			t.Errorf("the next page has %q", got)
		}
		for _, query := range []string{"", "currency=EUR&orderBy=-total", "currency=EUR&orderBy=total&q=assam", "currency=EUR&orderBy=total&status=pending"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders?" + query + "&pageToken=" + token, Token: admin}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})

	t.Run("a list shows what staff looks for", func(t *testing.T) {
		t.Parallel()
		got := s.mustList(t, admin, "?q="+c.Number).Items[0]
		if got.Number != c.Number || got.Name != "Cleo Okafor" || got.Email != "cleo@example.com" || got.Items[0].SKU != "SKU" || got.ItemCount != 3 || got.Total != c.Total {
			t.Errorf("got %+v", got)
		}
	})
}

// TestSearchAfterErasure requires that no word of a person remains with the personal data of an order.
func TestSearchAfterErasure(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin, account := s.Tokens.Admin(t), s.customer(t)
	assam := s.mustAddProduct(t, "Assam", 1299)
	guest := s.mustPlaceAsGuest(t, "cleo@example.com", "Cleo Assam", fixtures.Item(assam, 1))
	own := s.mustPlace(t, account, fixtures.Item(assam, 1))
	body := fixtures.Order(fixtures.Item(assam, 1))
	body["shippingAddress"] = with(fixtures.Address(), map[string]any{"name": "Dora Okafor", "company": "Okafor Trading"})
	shipped := s.mustPlaceBody(t, account, body)
	names := map[uuid.UUID]string{guest.ID: "guest", own.ID: "own", shipped.ID: "shipped"}
	for query, want := range map[string]string{"q=okafor+trading": "shipped", "q=cleo": "guest", "q=assam": "shipped own guest"} {
		if got := s.mustFind(t, admin, query, names); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	s.cancel(t, admin, guest.ID).MustBe(t, http.StatusOK)
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE guest_order SET placed_at = '2020-01-01'`); err != nil {
		t.Fatal(err)
	}
	s.sweep(t)
	s.mustDeleteUser(t, account.UserID)
	for query, want := range map[string]string{
		"q=okafor": "", "q=cleo": "", "q=cleo%40example.com": "", "q=assam": "shipped own guest", "q=" + guest.Number: "guest",
	} {
		if got := s.mustFind(t, admin, query, names); got != want {
			t.Errorf("after the erasure %q finds %q, want %q", query, got, want)
		}
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM order_word WHERE personal = 1 OR word IN ('dora', 'okafor', 'cleo', 'trading')`); n != 0 {
		t.Errorf("%d words of persons remain", n)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM customer WHERE mailbox IS NOT NULL`); n != 0 {
		t.Errorf("%d mailboxes remain", n)
	}
}

// TestNumberOfOldOrders requires that a sweep numbers the orders of an older version, and that they are
// found then.
func TestNumberOfOldOrders(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin, account := s.Tokens.Admin(t), s.customer(t)
	assam := s.mustAddProduct(t, "Assam", 1299)
	current := s.mustPlace(t, account, fixtures.Item(assam, 1))
	const old = 430
	for i := range old {
		id := uuid.Must(uuid.NewV7())
		for _, statement := range []string{
			`INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at, contact_name)
			VALUES (?, UNHEX('0199C0DE000070008000000000000001'), 'delivered', 1, 'EUR', 1, '2020-01-01', '2020-01-01', 'Ada')`,
			fmt.Sprintf(`INSERT INTO order_item (order_id, line, product_id, name, unit_price, quantity) VALUES (?, 0, UNHEX('0199C0DE000070008000000000000002'), 'Pot%d', 1, 1)`, i),
		} {
			if _, err := s.DB.ExecContext(t.Context(), statement, id[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.mustList(t, admin, "?pageSize=1").Items[0]; got.Number != "" {
		t.Errorf("an order of an older version is %+v", got)
	}
	s.sweep(t)
	if n := s.mustCount(t, `SELECT COUNT(DISTINCT number) FROM orders`); n != old+1 {
		t.Errorf("%d orders have numbers of their own, want %d", n, old+1)
	}
	got := s.mustList(t, admin, "?q=ada+pot42").Items
	if len(got) != 1 || len(got[0].Number) != len(current.Number) || got[0].Version != 1 {
		t.Errorf("found %+v", got)
	}
	if again := s.mustGet(t, admin, current.ID); again.Number != current.Number {
		t.Errorf("the number %s has become %s", current.Number, again.Number)
	}
	s.sweep(t)
	if again := s.mustList(t, admin, "?q=ada+pot42").Items; again[0].Number != got[0].Number {
		t.Errorf("the next sweep changes the number %s to %s", got[0].Number, again[0].Number)
	}
}
