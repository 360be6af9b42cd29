package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/emulators/load"
)

// shop is a shop in memory whose requests take a time.
type shop struct {
	takes time.Duration
	// undecided makes every order after so many stay pending; 0 decides all.
	undecided int
	// reserve changes how many units an order takes from the stock.
	reserve func(quantity int64) int64
	// fail makes requests fail before they have an effect, or after it.
	fail func(r *http.Request, before bool) bool

	mu       sync.Mutex
	stock    map[string]int64
	archived map[string]bool
	orders   []string // their states
	keys     map[string]string
	tokens   map[string]int // orders by token
}

func newShop() *shop {
	return &shop{
		takes: time.Millisecond, reserve: func(quantity int64) int64 { return quantity },
		fail:  func(*http.Request, bool) bool { return false },
		stock: map[string]int64{}, archived: map[string]bool{}, keys: map[string]string{}, tokens: map[string]int{},
	}
}

// options returns the options of a load on the shop.
func (s *shop) options(scenario load.Scenario) load.Options {
	created := 0
	return load.Options{
		Scenario: scenario, Users: 2,
		// A visit that would start after exactly ten seconds does not.
		Duration: 10*time.Second - time.Millisecond,
		Target: load.Target{
			Gateway: "http://shop.test", Transport: s,
			Customers: func(_ context.Context, count int) ([]string, error) {
				var tokens []string
				for range count {
					created++
					tokens = append(tokens, fmt.Sprintf("customer-%d", created))
				}
				return tokens, nil
			},
		},
	}
}

// RoundTrip implements http.RoundTripper.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if s.fail(r, true) {
		recorder.WriteHeader(http.StatusServiceUnavailable)
		return recorder.Result(), nil
	}
	s.serve(recorder, r)
	if s.fail(r, false) {
		return nil, fmt.Errorf("the connection to %s was cut", r.URL)
	}
	return recorder.Result(), nil
}

func (s *shop) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch r.Method + " " + strings.TrimSuffix(r.URL.Path, id) {
	case "POST /v1/":
		s.create(w, r, id)
	case "GET /v1/products/":
		respond(w, http.StatusOK, map[string]any{"id": id, "available": s.stock[id]})
	case "GET /v1/orders/":
		i, err := strconv.Atoi(id)
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		respond(w, http.StatusOK, map[string]any{"status": s.orders[i]})
	case "DELETE /v1/products/":
		s.archived[id] = true
		w.WriteHeader(http.StatusNoContent)
	default:
		respond(w, http.StatusOK, map[string]any{})
	}
}

func (s *shop) create(w http.ResponseWriter, r *http.Request, kind string) {
	var body struct {
		Stock int64
		Items []struct {
			ProductID string
			Quantity  int64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch kind {
	case "sessions":
		respond(w, http.StatusCreated, map[string]any{"accessToken": "admin"})
	case "products":
		id := fmt.Sprint(len(s.stock))
		s.stock[id] = body.Stock
		respond(w, http.StatusCreated, map[string]any{"id": id})
	case "orders":
		key := r.Header.Get("Idempotency-Key")
		id, replayed := s.keys[key]
		if !replayed {
			s.tokens[r.Header.Get("Authorization")]++
			id = fmt.Sprint(len(s.orders))
			s.keys[key] = id
			item := body.Items[0]
			s.orders = append(s.orders, s.decide(item.ProductID, item.Quantity))
		}
		respond(w, http.StatusCreated, map[string]any{"id": id, "status": "pending"})
	}
}

func (s *shop) decide(product string, quantity int64) string {
	switch {
	case s.undecided > 0 && len(s.orders) >= s.undecided:
		return "pending"
	case s.stock[product] < quantity:
		return "rejected"
	}
	s.stock[product] -= s.reserve(quantity)
	return "confirmed"
}

func respond(w http.ResponseWriter, status int, body map[string]any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func mustRun(t *testing.T, options load.Options) load.Result {
	t.Helper()
	result, err := load.Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
