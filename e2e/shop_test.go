package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// do sends a request through the gateway and returns the response.
func (s *system) do(t testing.TB, request functiontest.Request) functiontest.Response {
	t.Helper()
	return functiontest.Do(t, s.Gateway, request)
}

// mustLogIn signs an account in and returns the access token.
func (s *system) mustLogIn(t testing.TB, email, password string) string {
	t.Helper()
	var session struct {
		AccessToken, TokenType, RefreshToken string
		ExpiresIn                            int
	}
	s.sendUntilAccepted(t, fixtures.LogIn(email, password)).MustBe(t, http.StatusCreated).Into(t, &session)
	_, signature, _ := strings.Cut(strings.TrimPrefix(session.AccessToken, "eyJ"), ".")
	s.canaries.plant(email, password, session.RefreshToken, signature)
	return session.AccessToken
}

func (s *system) admin(t testing.TB) string {
	t.Helper()
	return s.mustLogIn(t, s.Admin.Email, s.Admin.Password)
}

func (s *system) customer(t testing.TB) string {
	t.Helper()
	return s.mustLogIn(t, s.Customer.Email, s.Customer.Password)
}

// mustCreateProduct creates a product, and returns it when it can be ordered.
func (s *system) mustCreateProduct(t testing.TB, admin, customer string, stock int) product.Product {
	t.Helper()
	var p product.StaffProduct
	s.do(t, fixtures.CreateProduct(admin, fixtures.Product("E2E-"+uuid.NewString(), stock))).MustBe(t, http.StatusCreated).Into(t, &p)
	// The order is accepted, and later rejected for its quantity, when the product is known.
	eventually(t, "the new product can be ordered", func() bool {
		response := s.place(t, customer, "wait=10", p.ID, 1000)
		if response.Status == http.StatusCreated {
			var o order.Order
			response.Into(t, &o)
			return true
		}
		response.MustBeProblem(t, http.StatusConflict, "product_unavailable")
		return false
	})
	return p.Product
}

func (s *system) mustGetProduct(t testing.TB, id uuid.UUID) product.Product {
	t.Helper()
	var p product.Product
	s.do(t, fixtures.GetProduct(id)).MustBe(t, http.StatusOK).Into(t, &p)
	return p
}

// place places an order of one product.
func (s *system) place(t testing.TB, customer, prefer string, id uuid.UUID, quantity int) functiontest.Response {
	t.Helper()
	return s.do(t, newOrderRequest(customer, prefer, id, quantity))
}

// newOrderRequest returns a request to place an order, with a new idempotency key.
func newOrderRequest(customer, prefer string, id uuid.UUID, quantity int) functiontest.Request {
	r := fixtures.PlaceOrder(customer, fixtures.Order(fixtures.Item(id, quantity)))
	r.Header = map[string]string{"Idempotency-Key": uuid.NewString()}
	if prefer != "" {
		r.Header["Prefer"] = prefer
	}
	return r
}

// orders returns all orders of a product by status, as an admin reads them.
func (s *system) orders(t testing.TB, admin string, ordered product.Product) map[order.Status][]order.Order {
	t.Helper()
	byStatus := map[order.Status][]order.Order{}
	for token := ""; ; {
		var page api.Page[order.Order]
		s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders?pageSize=100&pageToken=" + token, Token: admin}).
			MustBe(t, http.StatusOK).Into(t, &page)
		for _, o := range page.Items {
			if o.Items[0].ProductID == ordered.ID {
				byStatus[o.Status] = append(byStatus[o.Status], o)
			}
		}
		if token = page.NextPageToken; token == "" {
			return byStatus
		}
	}
}

// mustReconcile waits until every order of a product is decided, and its stock equals the
// initial stock less the quantities of confirmed orders. It returns the orders by status.
func (s *system) mustReconcile(t testing.TB, admin string, p product.Product) map[order.Status][]order.Order {
	t.Helper()
	var byStatus map[order.Status][]order.Order
	logged := ""
	eventually(t, "every order is decided and the stock adds up", func() bool {
		s.sweep(t)
		byStatus = s.orders(t, admin, p)
		expected := p.Available
		for _, o := range byStatus[order.Confirmed] {
			expected -= o.Items[0].Quantity
		}
		stock := s.mustGetProduct(t, p.ID).Available
		current := fmt.Sprintf("%d pending, %d confirmed, %d rejected, %d cancelled; %d in stock, %d expected",
			len(byStatus[order.Pending]), len(byStatus[order.Confirmed]), len(byStatus[order.Rejected]), len(byStatus[order.Cancelled]), stock, expected)
		if current != logged {
			logged = current
			t.Log(current)
		}
		return len(byStatus[order.Pending]) == 0 && stock == expected
	})
	return byStatus
}

// sweep runs the outbox functions, unless the system was started elsewhere. Its scheduler
// runs them once a minute.
func (s *system) sweep(t testing.TB) {
	t.Helper()
	if s.platform == nil {
		return
	}
	for _, service := range functions.Manifest().Services() {
		s.souk(t, "scheduler", "run", service+"-outbox")
	}
}
