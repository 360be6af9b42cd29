package audit_test

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions"
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/dbtest"
	"souk/shared/event"
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
}

func open(t *testing.T) *shop {
	t.Helper()
	users := dbtest.New(t, event.Migrations, user.Migrations)
	contract := functiontest.WithContract(functiontest.NewContract(functions.OpenAPI, functions.Events))
	s := &shop{
		services: map[string]*functiontest.Server{
			"product": functiontest.Start(t, functions.Manifest(), "product", product.Functions, product.Migrations, nil, contract),
			"order":   functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, nil, contract),
		},
		delivered: map[uuid.UUID]bool{},
	}
	s.databases = map[string]*sql.DB{
		"product": s.services["product"].DB.SQL(), "order": s.services["order"].DB.SQL(), "user": users.SQL(),
	}
	// The user service is not served here, so nothing reaches its inbox.
	served := *functions.Manifest()
	served.Functions = slices.DeleteFunc(slices.Clone(served.Functions), func(f manifest.Function) bool {
		return f.Service == "user" && len(f.Events) > 0
	})
	s.list = &served
	var err error
	s.userID, err = user.Seed(t.Context(), users, "amira@example.com", "seven green lanterns", auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	s.customer = s.services["order"].Token(t, auth.Principal{UserID: s.userID, Role: auth.Customer})
	s.admin = s.services["product"].Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Admin})
	return s
}

// deliver brings every published event to every function that waits for it, until
// there are no more.
func (s *shop) deliver(t *testing.T) {
	t.Helper()
	for again := true; again; {
		again = false
		for _, f := range s.list.Functions {
			for _, topic := range f.Events {
				for _, from := range s.services {
					for _, e := range from.Topics.Of(topic) {
						key := uuid.NewSHA1(e.ID, []byte(f.Name))
						if s.delivered[key] {
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
	var p product.Product
	s.services["product"].Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/products", Token: s.admin,
		Body: map[string]any{"sku": sku, "name": sku, "price": map[string]any{"amount": 1299, "currency": "EUR"}, "stock": stock},
	}).MustBe(t, http.StatusCreated).Into(t, &p)
	s.deliver(t)
	return p.ID
}

// mustOrder places an order of some pieces of each product.
func (s *shop) mustOrder(t *testing.T, quantity int, products ...uuid.UUID) uuid.UUID {
	t.Helper()
	var items []map[string]any
	for _, id := range products {
		items = append(items, map[string]any{"productId": id, "quantity": quantity})
	}
	var o order.Order
	s.services["order"].Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders", Token: s.customer, Body: map[string]any{"items": items},
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
	}).MustBe(t, http.StatusCreated).Into(t, &o)
	return o.ID
}

func (s *shop) mustCancel(t *testing.T, id uuid.UUID) {
	t.Helper()
	s.services["order"].Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/cancel", Token: s.customer,
	}).MustBe(t, http.StatusOK)
}

// mustAudit audits the shop at some time from now.
func (s *shop) mustAudit(t *testing.T, later time.Duration) audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), audit.Options{
		Databases: s.databases, Manifest: s.list, Now: time.Now().Add(later),
		Grace: audit.DefaultGrace, PendingFor: audit.DefaultPendingFor, OutboxFor: audit.DefaultOutboxFor,
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
	conn, err := s.databases[service].Conn(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, do := range statements {
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), do.text, do.args...); err != nil {
			t.Fatalf("%s: %v", do.text, err)
		}
	}
}

type statement struct {
	text string
	args []any
}

func do(text string, args ...any) statement { return statement{text, args} }
