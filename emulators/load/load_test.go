package load_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// simulate runs a test in simulated time.
func simulate(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	simulate(t, "users of a closed loop visit one after the other", func(t *testing.T) {
		s := newShop()
		s.takes = 100 * time.Millisecond // a visit is two requests
		got := mustRun(t, s.options(load.Browse)).Operation("product-list")
		if got.Count != 100 || got.Latency.Max < 99 || got.Latency.Max > 101 {
			t.Errorf("got %+v, want 100 visits of 2 users in 10 s, 100 ms each", got)
		}
	})
	simulate(t, "visits of an open loop start at the rate", func(t *testing.T) {
		s, begin := newShop(), time.Now()
		options := s.options(load.Browse)
		options.Rate = 20
		got := mustRun(t, options)
		if count := got.Operation("product-list").Count; count != 200 || got.Unsent != 0 {
			t.Errorf("%d visits and %d unsent, want 200 in 10 s", count, got.Unsent)
		}
		if took := time.Since(begin).Round(time.Second); took != 10*time.Second {
			t.Errorf("took %s, want 10 s", took)
		}
	})
	simulate(t, "latency counts from when a request was due, and visits that cannot start are reported", func(t *testing.T) {
		s := newShop()
		s.takes = 100 * time.Millisecond
		options := s.options(load.Browse)
		options.Users, options.Rate = 1, 10 // twice of what one user can do
		got := mustRun(t, options)
		list := got.Operation("product-list")
		// The last visit starts after 10 s, and was due after 5 s.
		if list.Count != 50 || list.Latency.Max < 4900 || list.Latency.Max > 5100 || got.Unsent != 49 {
			t.Errorf("got %+v and %d unsent, want 50 visits, the last 5 s late, and 49 unsent", list, got.Unsent)
		}
	})
	simulate(t, "a load ends early when its context is done", func(t *testing.T) {
		s, begin := newShop(), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		got, err := load.Run(ctx, s.options(load.Checkout))
		if took := time.Since(begin).Round(time.Second); err != nil || !got.AddsUp() || took != 3*time.Second {
			t.Errorf("after %s: %v, %v", took, err, got.Problems)
		}
		if len(s.archived) != len(s.stock) {
			t.Errorf("%d of %d products are archived", len(s.archived), len(s.stock))
		}
	})
}

func TestOrders(t *testing.T) {
	t.Parallel()
	simulate(t, "a flash sale sells all and no more", func(t *testing.T) {
		s := newShop()
		lines := 0
		options := s.options(load.FlashSale)
		options.Stock, options.Users = 200, 20
		options.Progress = func(load.Snapshot) { lines++ }
		got := mustRun(t, options)
		if !got.AddsUp() || got.Orders.Confirmed != 200 || got.Orders.Rejected == 0 || got.Stock.Remaining != 0 {
			t.Errorf("got %+v %+v %v, want 200 confirmed, others rejected", got.Orders, got.Stock, got.Problems)
		}
		if lines < 9 {
			t.Errorf("%d lines of progress in 10 s", lines)
		}
		for token, count := range s.tokens {
			if count > 100 {
				t.Errorf("%s has %d orders, more than the shop allows", token, count)
			}
		}
		if len(s.archived) != 1 {
			t.Errorf("archived %v, want the product", s.archived)
		}
	})
	simulate(t, "an order is sent again under its key until its response is final", func(t *testing.T) {
		s := newShop()
		var requests atomic.Int64
		s.fail = func(r *http.Request, before bool) bool {
			if r.Method != http.MethodPost || r.URL.Path != "/v1/orders" {
				return false
			}
			n := requests.Add(1)
			return n%5 == 0 || n%7 == 0 && !before
		}
		got := mustRun(t, s.options(load.Checkout))
		if !got.AddsUp() || int(got.Orders.Placed) != len(s.orders) || got.Failures["503"] == 0 || got.Failures["no response"] == 0 {
			t.Errorf("got %+v for %d orders, failures %v, problems %v", got.Orders, len(s.orders), got.Failures, got.Problems)
		}
	})
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func(s *shop)
		want   string
	}{
		"units that are taken and not sold": {func(s *shop) { s.reserve = func(n int64) int64 { return n + 1 } }, "are in confirmed orders"},
		"units that are sold and not taken": {func(s *shop) { s.reserve = func(int64) int64 { return 0 } }, "are in confirmed orders"},
		"a negative stock":                  {func(s *shop) { s.reserve = func(n int64) int64 { return 3 * n } }, "the stock of a product was -"},
		"an order that is never decided":    {func(s *shop) { s.undecided = 40 }, "not decided in time"},
		"an order without a final response": {func(s *shop) {
			s.fail = func(r *http.Request, _ bool) bool {
				return r.Method == http.MethodPost && r.URL.Path == "/v1/orders" && len(s.orders) > 40
			}
		}, "have no final response"},
	} {
		simulate(t, "the stock does not add up with "+name, func(t *testing.T) {
			s := newShop()
			test.damage(s)
			options := s.options(load.FlashSale)
			options.Users = 1
			got := mustRun(t, options)
			if got.AddsUp() || !strings.Contains(strings.Join(got.Problems, "\n"), test.want) {
				t.Errorf("problems %q, want one with %q", got.Problems, test.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]load.Options{
		"an unknown scenario": {Scenario: "shop"},
		"negative users":      {Scenario: load.Browse, Users: -1},
		"too many users":      {Scenario: load.Browse, Users: load.MaxUsers + 1},
		"too high a rate":     {Scenario: load.Browse, Rate: load.MaxRate + 1},
		"too long a duration": {Scenario: load.Browse, Duration: time.Hour},
		"a negative stock":    {Scenario: load.FlashSale, Stock: -1},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			if _, err := load.Run(t.Context(), options); err == nil {
				t.Error("the load was run")
			}
		})
	}
	t.Run("every scenario has defaults", func(t *testing.T) {
		t.Parallel()
		for _, scenario := range load.Scenarios() {
			if err := (load.Options{Scenario: scenario}).Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
