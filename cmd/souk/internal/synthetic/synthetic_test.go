package synthetic_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/cmd/souk/internal/synthetic"
)

// shop is a stand-in of the four functions, one of which may fail.
type shop struct {
	mu       sync.Mutex
	requests []string
	status   string // of the order when it is read
	failing  string // the request that is a 503
	lost     bool   // whether the response to the first request for an order is lost
	keys     []string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := r.Method + " " + r.URL.Path
	s.requests = append(s.requests, request)
	signedIn := r.Header.Get("Authorization") == "Bearer token"
	body := map[string]string{"id": "1", "status": s.status}
	if request == "POST /v1/orders" {
		s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
		if s.lost && len(s.keys) == 1 {
			w.Header().Set("Content-Length", "100") // part of it, or net/http would send the request again
			w.WriteHeader(http.StatusCreated)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case request == s.failing:
		w.WriteHeader(http.StatusServiceUnavailable)
		body = map[string]string{"code": "unavailable", "detail": "personal"}
	case request == "POST /v1/sessions":
		w.WriteHeader(http.StatusCreated)
		body = map[string]string{"accessToken": "token"}
	case request == "GET /v1/products/7" && !signedIn:
	case !signedIn:
		w.WriteHeader(http.StatusUnauthorized)
	case request == "POST /v1/orders" && r.Header.Get("Idempotency-Key") != "":
		w.WriteHeader(http.StatusCreated)
	case request == "POST /v1/orders/1/cancel":
		body["status"] = "cancelled"
	case request == "DELETE /v1/sessions/current":
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (s *shop) count(request string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r == request {
			n++
		}
	}
	return n
}

// TestOrder places an order in a shop where one step fails. Whatever fails, an order
// that was placed is cancelled.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shop *shop
		want string // of the error
		left bool   // whether no order was placed that must be cancelled
	}{
		"confirmed":                 {&shop{status: "confirmed"}, "", false},
		"rejected":                  {&shop{status: "rejected"}, "is rejected", false},
		"never decided":             {&shop{status: "pending"}, "not confirmed within", false},
		"no product":                {&shop{failing: "GET /v1/products/7"}, "read the product: status 503 (unavailable", true},
		"not placed":                {&shop{failing: "POST /v1/orders"}, "place an order: status 503", true},
		"placed without a response": {&shop{status: "confirmed", lost: true}, "place an order: read the response", false},
		"not to be read":            {&shop{failing: "GET /v1/orders/1"}, "read order 1: status 503", false},
		"not to be cancelled":       {&shop{status: "confirmed", failing: "POST /v1/orders/1/cancel"}, "cancel order 1: status 503", false},
		"no sign-in":                {&shop{failing: "POST /v1/sessions"}, "sign in: status 503", true},
		"a session without an end":  {&shop{status: "confirmed", failing: "DELETE /v1/sessions/current"}, "sign out: status 503", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.shop)
			t.Cleanup(server.Close)
			c := synthetic.Config{URL: server.URL + "/", Email: "a@example.com", Password: "p", ProductID: "7", MaxWait: 50 * time.Millisecond, Poll: time.Millisecond}
			session, err := synthetic.SignIn(t.Context(), server.Client(), c)
			if err == nil {
				_, err = session.Order(t.Context())
				if end := session.SignOut(t.Context()); err == nil {
					err = end
				}
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "personal"):
				t.Errorf("the error has text of a response: %v", err)
			}
			if keys := test.shop.keys; len(slices.Compact(slices.Clone(keys))) > 1 {
				t.Errorf("the request for one order had the keys %q", keys)
			}
			if cancelled := test.shop.count("POST /v1/orders/1/cancel"); (cancelled == 0) != test.left {
				t.Errorf("the order was cancelled %d times", cancelled)
			}
		})
	}
}
