package audit_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/product"
	"souk/functions/user"
	"souk/functions/webhook"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// shop is the services with real databases. The test plays Pub/Sub: deliver takes
// every event where it belongs.
type shop struct {
	services  map[string]*functiontest.Server
	databases map[string]*sql.DB
	list      *manifest.Manifest
	delivered map[uuid.UUID]bool
	customer  string // a token
	admin     string
	userID    uuid.UUID
	users     *database.DB        // of the service that is not served
	provider  audit.PaymentLister // nil: payments are not compared with a provider
}

// paymentSettings name a payment provider and a mail server that are not there.
var paymentSettings = config.Environment{
	"PAYMENT_API_KEY": strings.Repeat("k", 32), "PAYMENT_WEBHOOK_SECRET": strings.Repeat("s", 32),
	"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "Souk <shop@example.com>",
}

// webhookSettings are those of the webhook service.
var webhookSettings = config.Environment{"WEBHOOK_SECRET_KEYS": strings.Repeat("w", 32)}

func open(t *testing.T) *shop {
	t.Helper()
	users := dbtest.New(t, append(function.Migrations(), user.Migrations)...)
	contract := functiontest.WithContract(functiontest.NewContract(functions.OpenAPI, functions.Events))
	s := &shop{
		services: map[string]*functiontest.Server{
			"product": functiontest.Start(t, functions.Manifest(), "product", product.Functions, product.Migrations, nil, contract),
			"order":   functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, nil, contract),
			"payment": functiontest.Start(t, functions.Manifest(), "payment", payment.Functions, payment.Migrations, paymentSettings, contract),
			"webhook": functiontest.Start(t, functions.Manifest(), "webhook", webhook.Functions, webhook.Migrations, webhookSettings, contract),
		},
		delivered: map[uuid.UUID]bool{},
		users:     users,
	}
	s.databases = map[string]*sql.DB{"user": users.SQL()}
	for name, service := range s.services {
		s.databases[name] = service.DB.SQL()
	}
	// The user service is not served here, so nothing reaches its inbox, and no endpoint is.
	served := *functions.Manifest()
	served.Functions = slices.DeleteFunc(slices.Clone(served.Functions), func(f manifest.Function) bool {
		return f.Service == "user" && len(f.Events) > 0 || f.Name == "webhook-deliver"
	})
	s.list = &served
	var err error
	s.userID, err = user.Seed(t.Context(), users, "amira@example.com", "seven green lanterns", auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	s.customer = s.services["order"].Token(t, auth.Principal{UserID: s.userID, Role: auth.Customer})
	s.admin = s.services["product"].Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner})
	return s
}

// deliver brings every published event to every function that waits for it, and whose filter
// selects it, until there are no more.
func (s *shop) deliver(t *testing.T) {
	t.Helper()
	for again := true; again; {
		again = false
		for _, f := range s.list.Functions {
			for _, topic := range f.Events {
				for _, from := range s.services {
					for _, e := range from.Published.Events(topic) {
						key := uuid.NewSHA1(e.ID, []byte(f.Name))
						if s.delivered[key] || !f.Filter.Accepts(e.Extra) {
							continue
						}
						s.services[f.Service].Deliver(t, f.Name, e).MustBe(t, http.StatusNoContent)
						s.delivered[key], again = true, true
					}
				}
			}
		}
	}
}

func (s *shop) mustCreate(t *testing.T, sku string, stock int) uuid.UUID {
	t.Helper()
	var p product.StaffProduct
	s.services["product"].Do(t, fixtures.CreateProduct(s.admin, fixtures.Product(sku, stock))).MustBe(t, http.StatusCreated).Into(t, &p)
	s.deliver(t)
	return p.ID
}

// mustAdjust books a delivery.
func (s *shop) mustAdjust(t *testing.T, id uuid.UUID, delta int) {
	t.Helper()
	s.services["product"].Do(t, fixtures.AdjustStock(s.admin, id, delta)).MustBe(t, http.StatusOK)
}

// mustImport imports a line and returns its product.
func (s *shop) mustImport(t *testing.T, line string) uuid.UUID {
	t.Helper()
	response := s.services["product"].Do(t, fixtures.ImportProducts(s.admin, "application/x-ndjson", line)).MustBe(t, http.StatusOK)
	var result struct {
		ID uuid.UUID `json:"id"`
	}
	if err := json.NewDecoder(bytes.NewReader(response.Body)).Decode(&result); err != nil || result.ID == uuid.Nil {
		t.Fatalf("%v: %s", err, response.Body)
	}
	s.deliver(t)
	return result.ID
}

// mustShip ships an order, or, by "deliver", delivers it.
func (s *shop) mustShip(t *testing.T, id uuid.UUID, how string) {
	t.Helper()
	s.services["order"].Do(t, fixtures.ChangeOrderStatus(s.services["order"].Tokens.Admin(t), id, how)).MustBe(t, http.StatusOK)
}

// mustOrder places an order of some units of each product.
func (s *shop) mustOrder(t *testing.T, quantity int, products ...uuid.UUID) uuid.UUID {
	t.Helper()
	var items []fixtures.Object
	for _, id := range products {
		items = append(items, fixtures.Item(id, quantity))
	}
	body := fixtures.Order(items...)
	body["shippingAddress"] = fixtures.ShortAddress("Amira Haddad")
	var o order.Order
	s.services["order"].Do(t, fixtures.PlaceOrder(s.customer, body)).MustBe(t, http.StatusCreated).Into(t, &o)
	return o.ID
}

func (s *shop) mustCancel(t *testing.T, id uuid.UUID) {
	t.Helper()
	s.services["order"].Do(t, fixtures.ChangeOrderStatus(s.customer, id, "cancel")).MustBe(t, http.StatusOK)
}

// mustTag changes the tags of an order twice, and adds a note.
func (s *shop) mustTag(t *testing.T, id uuid.UUID) {
	t.Helper()
	admin := s.services["order"].Tokens.Admin(t)
	for _, tag := range []string{"gift", "late"} {
		s.services["order"].Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/orders/" + id.String() + "/tags", Token: admin,
			Header: map[string]string{"If-Match": "*"}, Body: map[string]any{"tags": []string{tag}}}).MustBe(t, http.StatusOK)
	}
	s.services["order"].Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/notes", Token: admin,
		Body: map[string]any{"text": "two\nlines"}}).MustBe(t, http.StatusCreated)
}

// mustErase has another customer place two orders, of which one is shipped, and then
// delete the account; the shipped order is delivered afterwards.
func (s *shop) mustErase(t *testing.T, product uuid.UUID) {
	t.Helper()
	other := *s
	other.userID = uuid.Must(uuid.NewV7())
	other.customer = s.services["order"].Token(t, auth.Principal{UserID: other.userID, Role: auth.Customer})
	shipped := other.mustOrder(t, 1, product)
	s.deliver(t)
	s.mustShip(t, shipped, "ship")
	other.mustOrder(t, 1, product)
	s.services["order"].Deliver(t, "order-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": other.userID})).
		MustBe(t, http.StatusNoContent)
	s.deliver(t)
	s.mustShip(t, shipped, "deliver")
	s.deliver(t)
}

// mustAudit audits the shop at some time from now.
func (s *shop) mustAudit(t *testing.T, later time.Duration) audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), audit.Options{
		Databases: s.databases, Manifest: s.list, Provider: s.provider, NoProvider: "there is none", Now: time.Now().Add(later),
		Grace: audit.DefaultGrace, PendingFor: audit.DefaultPendingFor, UnpaidFor: audit.DefaultUnpaidFor, OutboxFor: audit.DefaultOutboxFor,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// mustExec runs statements that a test breaks things with, and that no constraint
// of the tables may hold up.
func (s *shop) mustExec(t *testing.T, service string, statements []statement) {
	t.Helper()
	conns := map[string]*sql.Conn{}
	for name, db := range s.databases {
		conn, err := db.Conn(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[name] = conn
	}
	for _, do := range statements {
		if _, err := conns[cmp.Or(do.service, service)].ExecContext(context.WithoutCancel(t.Context()), do.text, do.args...); err != nil {
			t.Fatalf("%s: %v", do.text, err)
		}
	}
}

type statement struct {
	text string
	args []any
	// service has the database, unless it is the one of the damage.
	service string
}

func do(text string, args ...any) statement { return statement{text: text, args: args} }

func in(service, text string, args ...any) statement { return statement{text, args, service} }

// removed returns statements that delete rows of tables, and those that restore them.
// A name is "service.table".
func removed(where string, args []any, names ...string) (plant, mend []statement) {
	for _, name := range names {
		service, table, _ := strings.Cut(name, ".")
		plant = append(plant,
			in(service, "CREATE TABLE removed_"+table+" AS SELECT * FROM "+table+" WHERE "+where, args...),
			in(service, "DELETE FROM "+table+" WHERE "+where, args...))
		mend = append(mend,
			in(service, "INSERT INTO "+table+" SELECT * FROM removed_"+table),
			in(service, "DROP TABLE removed_"+table))
	}
	return plant, mend
}
