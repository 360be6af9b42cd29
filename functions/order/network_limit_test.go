package order_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// from returns the header with which the load balancer names the address of a client.
func from(address string) map[string]string {
	return map[string]string{"X-Forwarded-For": address + ", 127.0.0.1"}
}

// withHeader adds a header to others.
func withHeader(header map[string]string, name, value string) map[string]string {
	header[name] = value
	return header
}

// createFrom creates a checkout from an address, of a guest if the token is empty.
func (s testService) createFrom(t *testing.T, address, token string, body map[string]any) functiontest.Response {
	t.Helper()
	request := functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Token: token, Body: body, Header: from(address)}
	response := s.Do(t, request)
	for response.Status == http.StatusServiceUnavailable { // no connection in time, no effect
		response = s.Do(t, request)
	}
	return response
}

// requireLimited requires the response to a request that exceeds a limit of a network.
func requireLimited(t *testing.T, response functiontest.Response, limit string) {
	t.Helper()
	response.MustBeProblem(t, http.StatusTooManyRequests, "too_many_requests")
	if wait, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 3600 {
		t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
	}
	if got := response.Header.Get("RateLimit"); !strings.HasPrefix(got, `"`+limit+`";`) {
		t.Errorf("RateLimit: %s, want the limit %s", got, limit)
	}
}

// TestGuestCheckoutLimit requires that guests of one network create a limited number of checkouts, also at
// once, and that accounts and other networks are not limited by it.
func TestGuestCheckoutLimit(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"CHECKOUT_MAX_OF_NETWORK": "3"})
	body := checkoutBody(fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	for name, test := range map[string]struct {
		address func(i int) string
		limit   int
	}{
		"an IPv4 address":  {func(int) string { return "203.0.113.7" }, 3},
		"an IPv6 network":  {func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i) }, 3},
		"other networks":   {func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }, 8},
		"the machine":      {func(int) string { return "127.0.0.1" }, 8},
		"a private client": {func(int) string { return "10.0.0.1" }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			responses := make(chan functiontest.Response, 8)
			var all sync.WaitGroup
			for i := range cap(responses) {
				all.Go(func() { responses <- s.createFrom(t, test.address(i), "", body) })
			}
			all.Wait()
			close(responses)
			created := 0
			for response := range responses {
				if response.Status == http.StatusCreated {
					created++
					continue
				}
				requireLimited(t, response, "guest-checkout-network")
			}
			if created != test.limit {
				t.Errorf("%d checkouts were created, want %d", created, test.limit)
			}
			s.createFrom(t, test.address(0), s.customer(t).token, body).MustBe(t, http.StatusCreated)
		})
	}
}

// TestNetworkLimitIsRestored requires that a limit is restored steadily, and that its state is deleted then.
func TestNetworkLimitIsRestored(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"CHECKOUT_MAX_OF_NETWORK": "3"})
	body := checkoutBody(fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	create := func() functiontest.Response { return s.createFrom(t, "203.0.113.7", "", body) }
	for range 3 {
		create().MustBe(t, http.StatusCreated)
	}
	requireLimited(t, create(), "guest-checkout-network")
	pass := func(d time.Duration) {
		t.Helper()
		if _, err := s.DB.ExecContext(t.Context(), `UPDATE network_limit SET full_at = full_at - INTERVAL ? SECOND`, int(d.Seconds())); err != nil {
			t.Fatal(err)
		}
	}
	pass(20 * time.Minute)
	create().MustBe(t, http.StatusCreated)
	requireLimited(t, create(), "guest-checkout-network")
	s.sweep(t)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM network_limit`); n != 1 {
		t.Errorf("%d limits are stored, want the one in use", n)
	}
	pass(time.Hour)
	s.sweep(t)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM network_limit`); n != 0 {
		t.Errorf("%d restored limits remain", n)
	}
}

// enterCodes sends discount codes with an operation that takes them.
type enterCodes struct {
	name string
	// newSender returns a function that sends codes from an address.
	newSender func(t *testing.T, address string) func(codes ...any) functiontest.Response
	// refused is the status of the response with a refused code, accepted that without.
	refused, accepted int
}

// enterCodes returns the operations that take discount codes, for carts with a product.
func (s testService) enterCodes(t *testing.T, product uuid.UUID) []enterCodes {
	t.Helper()
	coded := func(codes ...any) map[string]any {
		return with(checkoutBody(fixtures.Item(product, 1)), map[string]any{"discountCodes": append([]any{}, codes...)})
	}
	buyer := s.customer(t)
	return []enterCodes{
		{"checkout-create", func(t *testing.T, address string) func(...any) functiontest.Response {
			t.Helper()
			return func(codes ...any) functiontest.Response { return s.createFrom(t, address, "", coded(codes...)) }
		}, http.StatusCreated, http.StatusCreated},
		{"checkout-create of an account", func(t *testing.T, address string) func(...any) functiontest.Response {
			t.Helper()
			return func(codes ...any) functiontest.Response {
				return s.createFrom(t, address, buyer.token, coded(codes...))
			}
		}, http.StatusCreated, http.StatusCreated},
		{"checkout-update", func(t *testing.T, address string) func(...any) functiontest.Response {
			t.Helper()
			c := s.mustCreateCheckout(t, "", coded())
			return func(codes ...any) functiontest.Response {
				return s.Do(t, functiontest.Request{
					Method: http.MethodPatch, Path: "/v1/checkouts/" + c.ID.String(), Token: c.Token,
					Header: withHeader(from(address), "If-Match", "*"), Body: map[string]any{"discountCodes": append([]any{}, codes...)},
				})
			}
		}, http.StatusOK, http.StatusOK},
		{"order-place", func(t *testing.T, address string) func(...any) functiontest.Response {
			t.Helper()
			return func(codes ...any) functiontest.Response {
				return s.Do(t, functiontest.Request{
					Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token, Header: withHeader(from(address), "Idempotency-Key", uuid.NewString()),
					Body: with(fixtures.Order(fixtures.Item(product, 1)), map[string]any{"discountCodes": append([]any{}, codes...)}),
				})
			}
		}, http.StatusConflict, http.StatusCreated},
	}
}

// TestRefusedCodeLimit requires that one network can try a limited number of discount codes, with every
// operation that takes codes, and that a limited response is the same for codes that exist and others.
func TestRefusedCodeLimit(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"DISCOUNT_MAX_REFUSED_OF_NETWORK": "4"})
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	s.mustCreateDiscount(t, tenPercent("TEN"))
	for i, test := range s.enterCodes(t, s.mustAddProduct(t, "Cup", 500)) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			try, elsewhere := test.newSender(t, fmt.Sprintf("203.0.113.%d", i)), test.newSender(t, fmt.Sprintf("198.51.100.%d", i))
			for n := range 3 {
				try("TEN").MustBe(t, test.accepted)
				try("ten", fmt.Sprint("GUESS-", n)).MustBe(t, test.refused)
			}
			requireLimited(t, try("A", "B"), "discount-code-network")
			try("ten").MustBe(t, test.accepted)
			try("GUESS-4").MustBe(t, test.refused)
			unknown, known := try("GUESS-5"), try("TEN")
			requireLimited(t, unknown, "discount-code-network")
			requireLimited(t, known, "discount-code-network")
			try().MustBe(t, test.accepted)
			elsewhere("GUESS-6").MustBe(t, test.refused)
		})
	}
}

// TestRefusedCodesAtOnce requires that requests at once do not exceed the limit of refused codes, with every
// operation that takes codes.
func TestRefusedCodesAtOnce(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"DISCOUNT_MAX_REFUSED_OF_NETWORK": "4"})
	for i, test := range s.enterCodes(t, s.mustAddProduct(t, "Cup", 500)) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var refused atomic.Int64
			var all sync.WaitGroup
			for n := range 8 {
				try := test.newSender(t, fmt.Sprintf("203.0.113.%d", i))
				all.Go(func() {
					response := try(fmt.Sprint("GUESS-", n))
					if response.Status == test.refused {
						refused.Add(1)
						return
					}
					requireLimited(t, response, "discount-code-network")
				})
			}
			all.Wait()
			if n := refused.Load(); n != 4 {
				t.Errorf("%d codes were refused, want 4", n)
			}
		})
	}
}

// TestAcceptedCodesDoNotWait requires that requests with codes that apply do not wait for a transaction that has
// locked the limit of their network, with every operation that takes codes.
func TestAcceptedCodesDoNotWait(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	s.mustCreateDiscount(t, tenPercent("TEN"))
	operations := s.enterCodes(t, s.mustAddProduct(t, "Cup", 500))
	senders := make([]func(...any) functiontest.Response, len(operations))
	for i, operation := range operations {
		senders[i] = operation.newSender(t, "203.0.113.7")
		senders[i]("GUESS").MustBe(t, operation.refused)
	}
	// A request that waits gets 503 and is sent again, until the end of the transaction.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tx, err := s.DB.SQL().BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(); err != nil {
			t.Errorf("a request has waited for the limit: %v", err)
		}
	}()
	rows, err := database.AffectedRows(tx.ExecContext(t.Context(), `UPDATE network_limit SET full_at = full_at + INTERVAL 1 SECOND WHERE name = 'discount-code-network'`))
	if err != nil || rows != 1 {
		t.Fatalf("locked %d limits: %v", rows, err)
	}
	for i, operation := range operations {
		if response := senders[i]("TEN"); response.Status != operation.accepted {
			t.Errorf("%s: got %d %s", operation.name, response.Status, response.Body)
		}
	}
}

// TestStoredCodesCountOnce requires that a refused code counts when it is entered, and not with each later
// request of the checkout.
func TestStoredCodesCountOnce(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"DISCOUNT_MAX_REFUSED_OF_NETWORK": "1"})
	cup := s.mustAddProduct(t, "Cup", 500)
	var c order.Checkout
	s.createFrom(t, "203.0.113.7", "", with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"discountCodes": []any{"NOPE"}})).MustBe(t, http.StatusCreated).Into(t, &c)
	send := func(method, path string, body any) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: method, Path: "/v1/checkouts/" + c.ID.String() + path, Token: c.Token, Header: withHeader(from("203.0.113.7"), "If-Match", "*"), Body: body})
	}
	send(http.MethodPatch, "", map[string]any{"name": "Amira", "discountCodes": []any{"nope"}}).MustBe(t, http.StatusOK).Into(t, &c)
	send(http.MethodGet, "", nil).MustBe(t, http.StatusOK)
	send(http.MethodPost, "/complete", map[string]any{"version": c.Version, "total": c.Total}).MustBeProblem(t, http.StatusConflict, "discount_code_unknown")
	requireLimited(t, send(http.MethodPatch, "", map[string]any{"discountCodes": []any{"NOPE", "OTHER"}}), "discount-code-network")
}
