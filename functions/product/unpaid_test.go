package product_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// mustReserveUnpaid reserves the stock of an order that must be paid.
func (s shop) mustReserveUnpaid(t *testing.T, orderID uuid.UUID, sources []uuid.UUID, items ...map[string]any) {
	t.Helper()
	placed := fixtures.UnpaidOrderPlaced(orderID, items...)
	placed["sources"] = sources
	s.mustReserve(t, functiontest.NewEvent(t, "order-placed", placed))
}

// mustCount returns the number that a SELECT COUNT(*) finds.
func (s shop) mustCount(t *testing.T, query string, args ...any) (n int64) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// outcomes returns how many orders have each outcome.
func (s shop) outcomes(t *testing.T, orders []uuid.UUID) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, id := range orders {
		count[s.outcome(t, id)]++
	}
	return count
}

// TestUnpaidShare checks that the unpaid orders of one customer or network hold at most a share of a
// product, when they arrive together, and that they hold no others up.
func TestUnpaidShare(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("500 concurrent orders of a network hold half of the stock", func(t *testing.T) {
		t.Parallel()
		// An instance has one transaction of stock-reserve at a time.
		instances := []shop{s}
		for range 3 {
			other := functiontest.Start(t, functions.Manifest(), "product", product.Functions, product.Migrations, nil, functiontest.WithSameDatabase(s.Server))
			instances = append(instances, shop{Server: other})
		}
		p, network := s.mustCreate(t, fixtures.Product("SHARE-A", 101)), uuid.New()
		orders := make([]uuid.UUID, 500)
		var all sync.WaitGroup
		limit := make(chan struct{}, 32)
		for i := range orders {
			orders[i] = uuid.New()
			all.Go(func() {
				limit <- struct{}{}
				defer func() { <-limit }()
				instances[i%len(instances)].mustReserveUnpaid(t, orders[i], []uuid.UUID{uuid.New(), network}, item(p, 1))
			})
		}
		all.Wait()
		got := map[string]int{}
		for i, id := range orders {
			got[instances[i%len(instances)].outcome(t, id)]++
		}
		if got["reserved"] != 51 || got["too_many_unpaid_units"] != 449 {
			t.Errorf("outcomes %v, want 51 reserved and 449 too_many_unpaid_units", got)
		}
		if got := s.mustGet(t, p.ID).Available; got != 50 {
			t.Errorf("%d available, want 50", got)
		}
		other := []uuid.UUID{uuid.New(), uuid.New()}
		s.mustReserveUnpaid(t, other[0], []uuid.UUID{uuid.New(), uuid.New()}, item(p, 25))
		s.mustReserve(t, placedEvent(t, other[1], item(p, 25)))
		if got := s.outcomes(t, other); got["reserved"] != 2 {
			t.Errorf("outcomes of other networks and of an order without payment: %v", got)
		}
	})

	t.Run("nothing of an order is reserved if one item is too much", func(t *testing.T) {
		t.Parallel()
		a, b := s.mustCreate(t, fixtures.Product("SHARE-B1", 100)), s.mustCreate(t, fixtures.Product("SHARE-B2", 100))
		id := uuid.New()
		s.mustReserveUnpaid(t, id, []uuid.UUID{uuid.New()}, item(a, 50), item(b, 51))
		if got := s.outcome(t, id); got != "too_many_unpaid_units" {
			t.Errorf("the outcome is %q", got)
		}
		if a, b := s.mustGet(t, a.ID).Available, s.mustGet(t, b.ID).Available; a != 100 || b != 100 {
			t.Errorf("%d and %d available, want all", a, b)
		}
	})

	t.Run("a small stock can be ordered", func(t *testing.T) {
		t.Parallel()
		for stock := 1; stock <= 5; stock++ {
			all, one := s.mustCreate(t, fixtures.Product(fmt.Sprint("ALL-", stock), stock)), s.mustCreate(t, fixtures.Product(fmt.Sprint("ONE-", stock), stock))
			customer := uuid.New()
			orders := []uuid.UUID{uuid.New(), uuid.New()}
			s.mustReserveUnpaid(t, orders[0], []uuid.UUID{customer}, item(all, stock))
			s.mustReserveUnpaid(t, orders[1], []uuid.UUID{customer}, item(one, 1))
			if got := s.outcomes(t, orders); got["reserved"] != 2 {
				t.Errorf("with %d in stock: %v", stock, got)
			}
		}
	})

	t.Run("the first order of a customer is limited, too", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("SHARE-C", 8)), uuid.New()
		s.mustReserveUnpaid(t, id, []uuid.UUID{uuid.New()}, item(p, 6))
		if got := s.outcome(t, id); got != "too_many_unpaid_units" {
			t.Errorf("6 of 8 units: the outcome is %q", got)
		}
	})

	t.Run("old items of orders that were never decided are deleted", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		p := s.mustCreate(t, fixtures.Product("SHARE-D", 8))
		s.mustReserveUnpaid(t, uuid.New(), []uuid.UUID{uuid.New(), uuid.New()}, item(p, 1))
		for _, test := range []struct {
			age  string
			want int64
		}{{"6 23:59:00", 2}, {"7 00:01:00", 0}} {
			if _, err := s.DB.ExecContext(t.Context(), `UPDATE unpaid_item SET reserved_at = UTC_TIMESTAMP(6) - INTERVAL ? DAY_SECOND`, test.age); err != nil {
				t.Fatal(err)
			}
			s.Deliver(t, "product-outbox", functiontest.NewEvent(t, "product-outbox", struct{}{})).MustBe(t, http.StatusNoContent)
			if got := s.mustCount(t, `SELECT COUNT(*) FROM unpaid_item`); got != test.want {
				t.Errorf("%d items are stored after %s, want %d", got, test.age, test.want)
			}
		}
	})
}

func TestUnpaidSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"PRODUCT_MAX_UNPAID_SHARE": "0 101 -1 half 50%", "PRODUCT_MIN_UNPAID_UNITS": "0 -1 few"} {
		for invalid := range strings.FieldsSeq(value) {
			_, err := product.Functions(function.NewRuntime(function.Options{Environment: config.Environment{name: invalid}}))
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, invalid, err)
			}
		}
	}
}
