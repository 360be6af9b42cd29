// Package loadtest has a shop in memory, for tests of loads.
package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"souk/emulators/load"
)

// Shop is a shop in memory. It is the transport of a load.
type Shop struct {
	// Takes is the duration of each request.
	Takes time.Duration
	// Undecided makes every order after so many stay pending; 0 decides all.
	Undecided int
	// Reserve changes how many units an order takes from the stock.
	Reserve func(quantity int64) int64
	// Fail makes requests fail before they have an effect, or after it.
	Fail func(r *http.Request, before bool) bool
	// RetryAfter is in the responses to requests that fail before they have an effect.
	RetryAfter string

	mu sync.Mutex
	// Stock and Archived are by product, and Tokens counts the orders of each token. Orders
	// has the states of the orders. They may be read after the load.
	Stock    map[string]int64
	Archived map[string]bool
	Tokens   map[string]int
	Orders   []string
	keys     map[string]string
}

// New returns a shop whose requests take a millisecond.
func New() *Shop {
	return &Shop{
		Takes: time.Millisecond, Reserve: func(quantity int64) int64 { return quantity },
		Fail:  func(*http.Request, bool) bool { return false },
		Stock: map[string]int64{}, Archived: map[string]bool{}, keys: map[string]string{}, Tokens: map[string]int{},
	}
}

// Target returns the shop as the target of a load.
func (s *Shop) Target() load.Target {
	created := 0
	return load.Target{
		Gateway: "http://shop.test", Transport: s,
		Customers: func(_ context.Context, count int) ([]string, error) {
			var tokens []string
			for range count {
				created++
				tokens = append(tokens, fmt.Sprintf("customer-%d", created))
			}
			return tokens, nil
		},
	}
}

// Placed returns the number of orders.
func (s *Shop) Placed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.Orders)
}

// RoundTrip implements http.RoundTripper.
func (s *Shop) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	select {
	case <-time.After(s.Takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if s.Fail(r, true) {
		recorder.Header().Set("Retry-After", s.RetryAfter)
		recorder.WriteHeader(http.StatusServiceUnavailable)
		return recorder.Result(), nil
	}
	s.serve(recorder, r)
	if s.Fail(r, false) {
		return nil, fmt.Errorf("the connection to %s was cut", r.URL)
	}
	return recorder.Result(), nil
}

func (s *Shop) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch r.Method + " " + strings.TrimSuffix(r.URL.Path, id) {
	case "POST /v1/":
		s.create(w, r, id)
	case "GET /v1/products/":
		respond(w, http.StatusOK, map[string]any{"id": id, "available": s.Stock[id]})
	case "GET /v1/orders/":
		i, err := strconv.Atoi(id)
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		respond(w, http.StatusOK, map[string]any{"status": s.Orders[i]})
	case "DELETE /v1/products/":
		s.Archived[id] = true
		w.WriteHeader(http.StatusNoContent)
	default:
		respond(w, http.StatusOK, map[string]any{})
	}
}

func (s *Shop) create(w http.ResponseWriter, r *http.Request, kind string) {
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
		id := fmt.Sprint(len(s.Stock))
		s.Stock[id] = body.Stock
		respond(w, http.StatusCreated, map[string]any{"id": id})
	case "orders":
		key := r.Header.Get("Idempotency-Key")
		id, replayed := s.keys[key]
		if !replayed {
			s.Tokens[r.Header.Get("Authorization")]++
			id = fmt.Sprint(len(s.Orders))
			s.keys[key] = id
			item := body.Items[0]
			s.Orders = append(s.Orders, s.decide(item.ProductID, item.Quantity))
		}
		respond(w, http.StatusCreated, map[string]any{"id": id, "status": "pending"})
	}
}

func (s *Shop) decide(product string, quantity int64) string {
	switch {
	case s.Undecided > 0 && len(s.Orders) >= s.Undecided:
		return "pending"
	case s.Stock[product] < quantity:
		return "rejected"
	}
	s.Stock[product] -= s.Reserve(quantity)
	return "confirmed"
}

func respond(w http.ResponseWriter, status int, body map[string]any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a recorder accepts all
}
