package load_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/load"
	"souk/emulators/load/loadtest"
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

// options returns the options of a load on a shop.
func options(s *loadtest.Shop, scenario load.Scenario) load.Options {
	// A visit that would start after exactly ten seconds does not.
	return load.Options{Scenario: scenario, Users: 2, Duration: 10*time.Second - time.Millisecond, Target: s.Target()}
}

func mustRun(t *testing.T, options load.Options) load.Result {
	t.Helper()
	result, err := load.Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestPace(t *testing.T) {
	t.Parallel()
	simulate(t, "users of a closed loop visit one after the other", func(t *testing.T) {
		s := loadtest.New()
		s.Takes = 100 * time.Millisecond // a visit is two requests
		got := mustRun(t, options(s, load.Browse)).Operation("product-list")
		if got.Count != 100 || got.Latency.Max < 99 || got.Latency.Max > 101 {
			t.Errorf("got %+v, want 100 visits of 2 users in 10 s, 100 ms each", got)
		}
	})
	simulate(t, "visits of an open loop start at the rate", func(t *testing.T) {
		s, begin := loadtest.New(), time.Now()
		o := options(s, load.Browse)
		o.Rate = 20
		got := mustRun(t, o)
		if count := got.Operation("product-list").Count; count != 200 || got.Unsent != 0 {
			t.Errorf("%d visits and %d unsent, want 200 in 10 s", count, got.Unsent)
		}
		if took := time.Since(begin).Round(time.Second); took != 10*time.Second {
			t.Errorf("took %s, want 10 s", took)
		}
	})
	simulate(t, "latency counts from when a request was due, and visits that cannot start are reported", func(t *testing.T) {
		s := loadtest.New()
		s.Takes = 100 * time.Millisecond
		o := options(s, load.Browse)
		o.Users, o.Rate = 1, 10 // twice of what one user can do
		got := mustRun(t, o)
		list := got.Operation("product-list")
		// The last visit starts after 10 s, and was due after 5 s.
		if list.Count != 50 || list.Latency.Max < 4900 || list.Latency.Max > 5100 || got.Unsent != 49 {
			t.Errorf("got %+v and %d unsent, want 50 visits, the last 5 s late, and 49 unsent", list, got.Unsent)
		}
	})
	simulate(t, "a load ends early when its context is done", func(t *testing.T) {
		s, begin := loadtest.New(), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		got, err := load.Run(ctx, options(s, load.Checkout))
		if took := time.Since(begin).Round(time.Second); err != nil || !got.AddsUp() || took != 3*time.Second {
			t.Errorf("after %s: %v, %v", took, err, got.Problems)
		}
		if len(s.Archived) != len(s.Stock) {
			t.Errorf("%d of %d products are archived", len(s.Archived), len(s.Stock))
		}
	})
}

func TestOrders(t *testing.T) {
	t.Parallel()
	simulate(t, "a flash sale sells all and no more", func(t *testing.T) {
		s := loadtest.New()
		lines := 0
		o := options(s, load.FlashSale)
		o.Stock, o.Users = 200, 20
		o.Progress = func(load.Snapshot) { lines++ }
		got := mustRun(t, o)
		if !got.AddsUp() || got.Orders.Confirmed != 200 || got.Orders.Rejected == 0 || got.Stock.Remaining != 0 {
			t.Errorf("got %+v %+v %v, want 200 confirmed, others rejected", got.Orders, got.Stock, got.Problems)
		}
		if lines < 9 {
			t.Errorf("%d lines of progress in 10 s", lines)
		}
		for token, count := range s.Tokens {
			if count > 100 {
				t.Errorf("%s has %d orders, more than the shop allows", token, count)
			}
		}
		if len(s.Archived) != 1 {
			t.Errorf("archived %v, want the product", s.Archived)
		}
	})
	simulate(t, "an order is sent again under its key until its response is final", func(t *testing.T) {
		s := loadtest.New()
		var requests atomic.Int64
		s.Fail = func(r *http.Request, before bool) bool {
			if r.Method != http.MethodPost || r.URL.Path != "/v1/orders" {
				return false
			}
			n := requests.Add(1)
			return n%5 == 0 || n%7 == 0 && !before
		}
		got := mustRun(t, options(s, load.Checkout))
		if !got.AddsUp() || int(got.Orders.Placed) != len(s.Orders) || got.Failures["503"] == 0 || got.Failures["no response"] == 0 {
			t.Errorf("got %+v for %d orders, failures %v, problems %v", got.Orders, len(s.Orders), got.Failures, got.Problems)
		}
	})
	for retryAfter, want := range map[string]time.Duration{"3": 3 * time.Second, "soon": 50 * time.Millisecond, "": 50 * time.Millisecond} {
		simulate(t, "a refused order with Retry-After "+strconv.Quote(retryAfter)+" is sent again after "+want.String(), func(t *testing.T) {
			s := loadtest.New()
			s.RetryAfter = retryAfter
			var mu sync.Mutex
			var sent []time.Time // of requests to place an order
			s.Fail = func(r *http.Request, before bool) bool {
				mu.Lock()
				defer mu.Unlock()
				if before && r.Method == http.MethodPost && r.URL.Path == "/v1/orders" {
					sent = append(sent, time.Now())
				}
				return len(sent) == 1
			}
			o := options(s, load.FlashSale)
			o.Users, o.Duration = 1, time.Second
			mustRun(t, o)
			mu.Lock()
			defer mu.Unlock()
			if len(sent) < 2 || sent[1].Sub(sent[0]) != want+s.Takes {
				t.Errorf("orders were sent at %v, want the second %s after the response to the first", sent, want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func(s *loadtest.Shop)
		want   string
	}{
		"units that are taken and not sold": {func(s *loadtest.Shop) { s.Reserve = func(n int64) int64 { return n + 1 } }, "are in confirmed orders"},
		"units that are sold and not taken": {func(s *loadtest.Shop) { s.Reserve = func(int64) int64 { return 0 } }, "are in confirmed orders"},
		"a negative stock":                  {func(s *loadtest.Shop) { s.Reserve = func(n int64) int64 { return 3 * n } }, "the stock of a product was -"},
		"an order that is never decided":    {func(s *loadtest.Shop) { s.Undecided = 40 }, "not decided in time"},
		"an order without a final response": {func(s *loadtest.Shop) {
			s.Fail = func(r *http.Request, _ bool) bool {
				return r.Method == http.MethodPost && r.URL.Path == "/v1/orders" && len(s.Orders) > 40
			}
		}, "have no final response"},
	} {
		simulate(t, "the stock does not add up with "+name, func(t *testing.T) {
			s := loadtest.New()
			test.damage(s)
			o := options(s, load.FlashSale)
			o.Users = 1
			got := mustRun(t, o)
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
