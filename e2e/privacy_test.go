package e2e_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/function/functiontest"
)

// retainedColumns are the only columns that may have data of a deleted account: the outbox
// functions delete their rows after their retention. docs/operations.md has the same list.
var retainedColumns = []string{
	"payment.deleted_customer.user_id", // for events that arrive later
	"order.customer.user_id",           // refuses orders with tokens that have not expired
	"order.idempotency_key.body",       // responses to admins who handled an order
	"user.idempotency_key.body",        // responses to staff who wrote notes
	"user.idempotency_key.header",      // the paths of these notes
	"order.outbox.payload",             // published events
	"user.outbox.aggregateid",          // the deletion of the account and the revocation of its tokens
	"user.outbox.payload",
	// The revocation of the account's tokens, until they have expired.
	"user.access_revocation.subject", "order.access_revocation.subject", "product.access_revocation.subject", "payment.access_revocation.subject",
	"webhook.access_revocation.subject",
}

// person is a customer with data in every place that customers can write to.
type person struct {
	id                    uuid.UUID
	email, password, name string
	street, reason, token string
	company, region       string
	phone                 string

	// What only accounts have; empty for guests.
	accountPhone, vatNumber     string
	formerEmail, requestedEmail string // before a change of the address, and of a change that is not confirmed
	passkey                     *passkey
}

// traces returns the data that must not remain after the deletion of the account.
func (p person) traces() map[string][]byte {
	traces := map[string][]byte{
		"the e-mail address": []byte(p.email), "the name": []byte(p.name), "the street": []byte(p.street), "a reason": []byte(p.reason),
		"the company": []byte(p.company), "the region": []byte(p.region), "the phone number": []byte(p.phone),
		"the id": p.id[:], "the id as text": []byte(p.id.String()), "the id in hexadecimal": []byte(hex.EncodeToString(p.id[:])),
		"the id in base64": []byte(base64.RawStdEncoding.EncodeToString(p.id[:])), "the id in base64 of URLs": []byte(base64.RawURLEncoding.EncodeToString(p.id[:])),
		"the account's phone number": []byte(p.accountPhone), "the VAT number": []byte(p.vatNumber),
		"the former e-mail address": []byte(p.formerEmail), "the requested e-mail address": []byte(p.requestedEmail),
	}
	if p.passkey != nil {
		traces["the name of the passkey"], traces["the id of the passkey"] = []byte(p.passkey.name), p.passkey.credential.ID
	}
	maps.DeleteFunc(traces, func(_ string, trace []byte) bool { return len(trace) == 0 })
	return traces
}

// signIn signs the person in, with the passkey if there is one, and stores the new access token.
func (s *system) signIn(t *testing.T, p *person) {
	t.Helper()
	if p.passkey != nil {
		p.token = s.mustSignInWithPasskey(t, p)
		return
	}
	p.token = s.mustLogIn(t, p.email, p.password)
}

// mustCreatePerson registers a person with unique data, and signs it in.
func (s *system) mustCreatePerson(t *testing.T) *person {
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
	address := fixtures.Address()
	address["name"], address["company"], address["line1"], address["line2"] = p.name, p.company, p.street, "c/o "+p.email
	address["region"], address["phone"] = p.region, p.phone
	return address
}

// mustLeaveTraces calls all operations that store data of the person, and returns the
// orders.
func (s *system) mustLeaveTraces(t *testing.T, p *person, admin string, ordered product.Product) []order.Order {
	t.Helper()
	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: p.token,
		Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"name": p.name + " the Second"}}).MustBe(t, http.StatusOK)
	for range 2 {
		created := s.do(t, fixtures.CreateAddress(p.token, p.address())).
			MustBe(t, http.StatusCreated)
		s.do(t, functiontest.Request{Method: http.MethodPatch, Path: created.Header.Get("Location"), Token: p.token,
			Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"line2": p.street}}).MustBe(t, http.StatusOK)
	}
	s.mustAddNote(t, admin, "/v1/users/"+p.id.String(), p)
	s.do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + p.id.String() + "/tags", Token: admin,
		Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"tags": []any{p.reason}}}).MustBe(t, http.StatusOK)
	send := func(o order.Order, token, operation string, body any) {
		s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/" + operation, Token: token, Body: body}).MustBe(t, http.StatusOK)
	}
	var orders []order.Order
	for _, finish := range []func(order.Order){
		func(order.Order) {},
		func(o order.Order) { send(o, p.token, "cancel", map[string]any{"reason": p.reason}) },
		func(o order.Order) { send(o, admin, "cancel", map[string]any{"reason": "requested by " + p.name}) },
		func(o order.Order) {
			s.mustAddNote(t, admin, "/v1/orders/"+o.ID.String(), p)
			send(o, admin, "ship", nil)
		},
		func(o order.Order) {
			send(o, admin, "ship", nil)
			send(o, admin, "deliver", nil)
		},
	} {
		o := s.mustOrder(t, p, ordered, 1)
		finish(o)
		orders = append(orders, o)
	}
	return append(orders, s.mustOrder(t, p, ordered, 900)) // rejected: the stock is insufficient
}

// mustAddNote adds a note of staff about the person to a resource.
func (s *system) mustAddNote(t *testing.T, admin, path string, p *person) {
	t.Helper()
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: path + "/notes", Token: admin, Body: map[string]any{"text": p.name + " moves to " + p.street}}).
		MustBe(t, http.StatusCreated)
}

// mustOrder places an order with an address, and waits until it is decided.
func (s *system) mustOrder(t *testing.T, p *person, ordered product.Product, quantity int) (o order.Order) {
	t.Helper()
	body := fixtures.Order(fixtures.Item(ordered.ID, quantity))
	body["shippingAddress"] = p.address()
	r := fixtures.PlaceOrder(p.token, body)
	r.Header = map[string]string{"Prefer": "wait=20"}
	s.do(t, r).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

// findTraces searches the services' databases for traces of the person, and returns their
// kinds by database, table and column.
func (s *system) findTraces(t *testing.T, p *person) map[string]string {
	t.Helper()
	found := map[string]string{}
	for service := range s.Database.Names {
		db := s.mustOpenDatabase(t, service)
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

// mustQuery calls visit for each value of each row, and returns its results.
func mustQuery(t *testing.T, db *sql.DB, query string, visit func(column string, value []byte) string) (results []string) {
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
			results = append(results, visit(columns[i], value))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return results
}

// TestErasure stores data of a person by every operation of customers, deletes the account,
// and searches every column of every table of the shop for the person.
func TestErasure(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	admin, customer := s.admin(t), s.customer(t)
	tea := s.mustCreateProduct(t, admin, customer, 50)
	p := s.mustCreatePerson(t)
	orders := s.mustLeaveTraces(t, p, admin, tea)
	s.mustLeaveAccountTraces(t, p)
	for _, column := range []string{
		"user.user.email", "user.address.line1", "user.address.company", "user.address.region", "user.address.phone", "order.orders.shipping_address", "order.order_history.reason", "order.outbox.payload",
		"user.user.phone", "user.user.vat_number", "user.passkey.name", "user.passkey.credential_id", "user.email_change.old_email", "user.email_change.new_email",
		"user.sign_in_challenge.user_id", "user.sign_in_challenge.ceremony", "order.order_note.body", "user.user_note.body",
	} {
		if s.findTraces(t, p)[column] == "" {
			t.Fatalf("the person is not in %s, so this test checks nothing", column)
		}
	}
	t.Run("the export is complete", func(t *testing.T) { s.requireCompleteExport(t, p, orders) })

	s.signIn(t, p)
	s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/users/me", Token: p.token, Header: map[string]string{"If-Match": "*"}}).
		MustBe(t, http.StatusNoContent)
	logged := ""
	eventually(t, "only retained columns have data of the person", func() bool {
		found := s.findTraces(t, p)
		maps.DeleteFunc(found, func(column, _ string) bool { return slices.Contains(retainedColumns, column) })
		if remaining := fmt.Sprint(slices.Sorted(maps.Keys(found))); remaining != logged {
			logged = remaining
			t.Log("found", found)
		}
		return len(found) == 0
	})
	t.Run("a token that has not expired is refused", func(t *testing.T) {
		for _, path := range []string{"/v1/users/me", "/v1/users/me/addresses", "/v1/users/me/export"} {
			s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: p.token}).MustBe(t, http.StatusUnauthorized)
		}
		s.place(t, p.token, "", tea.ID, 1).MustBe(t, http.StatusUnauthorized)
	})
	t.Run("the orders remain without personal data, and the stock of unshipped ones is released", func(t *testing.T) {
		for _, before := range orders {
			var o order.Order
			s.do(t, fixtures.GetOrder(admin, before.ID)).MustBe(t, http.StatusOK).Into(t, &o)
			ignoreShipped := cmpopts.IgnoreFields(order.Item{}, "Shipped") // some were shipped since
			if diff := cmp.Diff(before.Items, o.Items, ignoreShipped); diff != "" || o.Total != before.Total || o.UserID != uuid.Nil || o.ShippingAddress != nil {
				t.Errorf("the order was %+v and is %+v, items (-before +after):\n%s", before, o, diff)
			}
		}
		eventually(t, "48 of 50 are in stock", func() bool { return s.mustGetProduct(t, tea.ID).Available == 48 })
		if s.platform != nil {
			eventually(t, "the audit finds nothing", func() bool { return s.audit(t, "--grace", "0s").OK })
		}
	})
	t.Run("after its retention no data remains", func(t *testing.T) {
		s.skipUnlessOwned(t)
		s.expireRetention(t)
		eventually(t, "no column has data of the person", func() bool {
			s.sweep(t)
			found := s.findTraces(t, p)
			if len(found) > 0 {
				t.Log("found", found)
			}
			return len(found) == 0
		})
	})
}

// requireCompleteExport requires that the export has all data of the person.
func (s *system) requireCompleteExport(t *testing.T, p *person, orders []order.Order) {
	t.Helper()
	response := s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me/export", Token: p.token}).MustBe(t, http.StatusOK)
	var document struct {
		Account   user.User
		Addresses []user.Address
		Sessions  []json.RawMessage
		Orders    []order.Order
	}
	if err := json.Unmarshal(response.Body, &document); err != nil {
		t.Fatal(err)
	}
	if document.Account.ID != p.id || len(document.Addresses) != 2 || len(document.Sessions) == 0 || len(document.Orders) != len(orders) {
		t.Errorf("the export is %s", response.Body)
	}
	for what, trace := range p.traces() {
		if !strings.HasPrefix(what, "the id") && what != "the name" && !strings.Contains(string(response.Body), string(trace)) {
			t.Errorf("%s is not in the export", what)
		}
	}
	for _, o := range document.Orders {
		if o.UserID != p.id || o.ShippingAddress == nil || len(o.History) == 0 {
			t.Errorf("order %s is exported as %+v", o.ID, o)
		}
	}
}

// expireRetention moves the times of retained rows into the past, by more than their retention.
func (s *system) expireRetention(t *testing.T) {
	t.Helper()
	for _, service := range functions.Manifest().Services() {
		s.mustExec(t, service, `UPDATE outbox SET published_at = published_at - INTERVAL 25 HOUR`)
		s.mustExec(t, service, `UPDATE access_revocation SET stored_at = stored_at - INTERVAL 25 HOUR`)
		s.mustExec(t, service, `UPDATE idempotency_key SET expires_at = expires_at - INTERVAL 25 HOUR`)
	}
	s.mustExec(t, "order", `UPDATE customer SET deleted_at = deleted_at - INTERVAL 32 DAY`)
	s.mustExec(t, "payment", `UPDATE deleted_customer SET deleted_at = deleted_at - INTERVAL 32 DAY`)
}
