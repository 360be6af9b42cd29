package e2e_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/function/functiontest"
)

// keptForAWhile are the only columns that may tell of a person whose account is
// gone: rows that are deleted by the outbox functions when they are a day old.
// docs/operations.md has the same list.
var keptForAWhile = []string{
	"order.customer.user_id",     // refuses the orders of tokens that still live
	"order.idempotency_key.body", // what an admin was answered who handled an order
	"order.outbox.payload",       // published events
	"user.outbox.aggregateid",    // the events that the account was deleted, and its tokens revoked
	"user.outbox.payload",
	// That the account's tokens are revoked, until they have expired.
	"user.access_revocation.subject", "order.access_revocation.subject", "product.access_revocation.subject",
}

// person is somebody who leaves traces everywhere that a customer can.
type person struct {
	id                    uuid.UUID
	email, password, name string
	street, reason, token string
	company, region       string
	phone                 string
}

// traces are what must be nowhere once the person is gone.
func (p person) traces() map[string][]byte {
	return map[string][]byte{
		"the e-mail address": []byte(p.email), "the name": []byte(p.name), "the street": []byte(p.street), "a reason": []byte(p.reason),
		"the company": []byte(p.company), "the region": []byte(p.region), "the phone number": []byte(p.phone),
		"the id": p.id[:], "the id as text": []byte(p.id.String()), "the id in hexadecimal": []byte(hex.EncodeToString(p.id[:])),
	}
}

// signIn gives the person a new access token.
func (s *system) signIn(t *testing.T, p *person) {
	t.Helper()
	p.token = s.mustLogIn(t, p.email, p.password)
}

func (s *system) mustMeet(t *testing.T) *person {
	t.Helper()
	mark := uuid.NewString()[:8]
	p := &person{
		email: "canary-" + mark + "@example.com", password: "nine canaries " + mark,
		name: "Canary Featherly " + mark, street: "9 Birdcage Walk " + mark, reason: "gone to sea " + mark,
		company: "Birdcage Trading " + mark, region: "Canary Islands " + mark, phone: fmt.Sprintf("+4999%011d", rand.Int64N(1e11)),
	}
	s.canaries.plant(p.name, p.street, p.reason, p.company, p.region, p.phone)
	account := s.mustRegister(t, p.email, p.password, p.name)
	p.id = account.ID
	s.signIn(t, p)
	return p
}

func (p person) address() map[string]any {
	return map[string]any{
		"name": p.name, "company": p.company, "line1": p.street, "line2": "c/o " + p.email,
		"postalCode": "14467", "city": "Potsdam", "region": p.region, "country": "DE", "phone": p.phone,
	}
}

// mustPlant has the person do all that leaves traces, and returns the orders.
func (s *system) mustPlant(t *testing.T, p *person, admin string, of product.Product) []order.Order {
	t.Helper()
	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: p.token,
		Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"name": p.name + " the Second"}}).MustBe(t, http.StatusOK)
	for range 2 {
		created := s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/users/me/addresses", Token: p.token, Body: p.address()}).
			MustBe(t, http.StatusCreated)
		s.do(t, functiontest.Request{Method: http.MethodPatch, Path: created.Header.Get("Location"), Token: p.token,
			Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"line2": p.street}}).MustBe(t, http.StatusOK)
	}
	end := func(o order.Order, token, how string, body any) {
		s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/" + how, Token: token, Body: body}).MustBe(t, http.StatusOK)
	}
	var orders []order.Order
	for _, finish := range []func(order.Order){
		func(order.Order) {},
		func(o order.Order) { end(o, p.token, "cancel", map[string]any{"reason": p.reason}) },
		func(o order.Order) { end(o, admin, "cancel", map[string]any{"reason": "asked for by " + p.name}) },
		func(o order.Order) { end(o, admin, "ship", nil) },
		func(o order.Order) {
			end(o, admin, "ship", nil)
			end(o, admin, "deliver", nil)
		},
	} {
		o := s.mustSend(t, p, of, 1)
		finish(o)
		orders = append(orders, o)
	}
	return append(orders, s.mustSend(t, p, of, 900)) // which is rejected: there is not so much
}

// mustSend places an order with an address, and waits until it is decided.
func (s *system) mustSend(t *testing.T, p *person, of product.Product, quantity int) (o order.Order) {
	t.Helper()
	s.do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders", Token: p.token, Header: map[string]string{"Prefer": "wait=20"},
		Body: map[string]any{"items": []map[string]any{{"productId": of.ID, "quantity": quantity}}, "shippingAddress": p.address()},
	}).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

// found returns where in the services' databases there are traces of the person,
// by database, table and column, and what they are.
func (s *system) found(t *testing.T, p *person) map[string]string {
	t.Helper()
	found := map[string]string{}
	for service := range s.Database.Names {
		db := s.mustOpen(t, service)
		defer db.Close()
		for _, table := range mustQuery(t, db, `SHOW TABLES`, func(_ string, value []byte) string { return string(value) }) {
			mustQuery(t, db, "SELECT * FROM `"+table+"`", func(column string, value []byte) string {
				for what, trace := range p.traces() {
					if bytes.Contains(value, trace) {
						found[fmt.Sprintf("%s.%s.%s", service, table, column)] = what
					}
				}
				return ""
			})
		}
	}
	return found
}

// mustQuery calls see for each value of each row, and returns what it returned.
func mustQuery(t *testing.T, db *sql.DB, query string, see func(column string, value []byte) string) (seen []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]sql.RawBytes, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			seen = append(seen, see(columns[i], value))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestErasure plants a person through all that a customer can do, deletes the
// account, and looks for the person in every column of every table of the shop.
func TestErasure(t *testing.T) {
	s := open(t)
	admin, customer := s.admin(t), s.customer(t)
	tea := s.mustCreate(t, admin, customer, 50)
	p := s.mustMeet(t)
	orders := s.mustPlant(t, p, admin, tea)
	for _, column := range []string{"user.user.email", "user.address.line1", "user.address.company", "user.address.region", "user.address.phone", "order.orders.shipping_address", "order.order_history.reason", "order.outbox.payload"} {
		if s.found(t, p)[column] == "" {
			t.Fatalf("the person is not in %s: this test proves nothing", column)
		}
	}
	t.Run("the export has it all", func(t *testing.T) { s.mustExportAll(t, p, orders) })

	s.signIn(t, p)
	s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/users/me", Token: p.token, Header: map[string]string{"If-Match": "*"}}).
		MustBe(t, http.StatusNoContent)
	eventually(t, "the person is gone but for what is kept for a while", func() bool {
		return !slices.ContainsFunc(slices.Collect(maps.Keys(s.found(t, p))), func(where string) bool { return !slices.Contains(keptForAWhile, where) })
	})
	t.Run("a token that still lives opens nothing", func(t *testing.T) {
		for _, path := range []string{"/v1/users/me", "/v1/users/me/addresses", "/v1/users/me/export"} {
			s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: p.token}).MustBe(t, http.StatusUnauthorized)
		}
		s.place(t, p.token, "", tea.ID, 1).MustBe(t, http.StatusUnauthorized)
	})
	t.Run("what was sold for how much is there, and the stock of what was not sent is back", func(t *testing.T) {
		for _, was := range orders {
			var o order.Order
			s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + was.ID.String(), Token: admin}).MustBe(t, http.StatusOK).Into(t, &o)
			if o.Total != was.Total || !slices.Equal(o.Items, was.Items) || o.UserID != uuid.Nil || o.ShippingAddress != nil {
				t.Errorf("the order was %+v and is %+v", was, o)
			}
		}
		eventually(t, "48 of 50 are in stock", func() bool { return s.mustGetProduct(t, tea.ID).Available == 48 })
		if s.platform != nil {
			eventually(t, "it all adds up", func() bool { return s.audit(t, "--grace", "0s").OK })
		}
	})
	t.Run("after a day nothing at all is left", func(t *testing.T) {
		s.mustBeOurs(t)
		s.passADay(t)
		eventually(t, "the person is nowhere", func() bool {
			s.sweep(t)
			found := s.found(t, p)
			if len(found) > 0 {
				t.Log("still found", found)
			}
			return len(found) == 0
		})
	})
}

// mustExportAll looks for everything of the person in the export.
func (s *system) mustExportAll(t *testing.T, p *person, orders []order.Order) {
	t.Helper()
	answer := s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me/export", Token: p.token}).MustBe(t, http.StatusOK)
	var document struct {
		Account   user.User
		Addresses []user.Address
		Sessions  []json.RawMessage
		Orders    []order.Order
	}
	if err := json.Unmarshal(answer.Body, &document); err != nil {
		t.Fatal(err)
	}
	if document.Account.ID != p.id || len(document.Addresses) != 2 || len(document.Sessions) == 0 || len(document.Orders) != len(orders) {
		t.Errorf("the export is %s", answer.Body)
	}
	for what, trace := range p.traces() {
		if !strings.HasPrefix(what, "the id") && what != "the name" && !strings.Contains(string(answer.Body), string(trace)) {
			t.Errorf("%s is not in the export", what)
		}
	}
	for _, o := range document.Orders {
		if o.UserID != p.id || o.ShippingAddress == nil || len(o.History) == 0 {
			t.Errorf("order %s is exported as %+v", o.ID, o)
		}
	}
}

// passADay makes what is kept for a day a day old.
func (s *system) passADay(t *testing.T) {
	t.Helper()
	for _, service := range []string{"order", "user", "product"} {
		s.mustExec(t, service, `UPDATE outbox SET published_at = published_at - INTERVAL 25 HOUR`)
		s.mustExec(t, service, `UPDATE access_revocation SET stored_at = stored_at - INTERVAL 25 HOUR`)
		s.mustExec(t, service, `UPDATE idempotency_key SET expires_at = expires_at - INTERVAL 25 HOUR`)
	}
	s.mustExec(t, "order", `UPDATE customer SET deleted_at = deleted_at - INTERVAL 25 HOUR`)
}
