package e2e_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/testsample"
)

// placeMany places orders of one product with eight concurrent clients, and cancels some
// of them at once. A request that the gateway fails because a function was killed may or
// may not have placed an order; it is not counted.
func (s *system) placeMany(t *testing.T, customer string, p product.Product, orders int) (placed int64) {
	t.Helper()
	var all sync.WaitGroup
	var number, known atomic.Int64
	for range 8 {
		all.Go(func() {
			for n := number.Add(1); n <= int64(orders); n = number.Add(1) {
				response := s.place(t, customer, "", p.ID, 1)
				if response.Status >= 500 {
					continue
				}
				var o order.Order
				response.MustBe(t, http.StatusCreated).Into(t, &o)
				known.Add(1)
				if n%5 == 0 {
					s.tryCancel(t, customer, o)
				}
			}
		})
	}
	all.Wait()
	return known.Load()
}

// tryCancel cancels an order in any state.
func (s *system) tryCancel(t *testing.T, customer string, o order.Order) {
	t.Helper()
	response := s.do(t, fixtures.ChangeOrderStatus(customer, o.ID, "cancel"))
	if response.Status != http.StatusOK && response.Status != http.StatusConflict && response.Status < 500 {
		t.Errorf("cancel responds %d: %s", response.Status, response.Body)
	}
}

// killRepeatedly kills a function after random pauses, until stop is called. stop returns
// the number of killed processes.
func (s *system) killRepeatedly(t *testing.T, function string, pause time.Duration) (stop func() (killed int)) {
	t.Helper()
	done := make(chan struct{})
	killed := 0
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(pause/10 + rand.N(pause)):
				killed += s.kill(t, function)
			}
		}
	})
	return func() int {
		t.Helper()
		close(done)
		killer.Wait()
		if killed == 0 {
			t.Error("no process was killed, so the test checks nothing")
		}
		return killed
	}
}

// TestKill kills each function of the order workflow repeatedly while orders are placed: a
// daily sample of them, and all with -long.
func TestKill(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	s.skipUnlessOwned(t)
	admin, customer := s.admin(t), s.customer(t)
	all := []string{"order-place", "stock-reserve", "order-confirm", "order-reject", "order-cancel", "stock-release"}
	for _, function := range testsample.Of(t, all, 2) {
		t.Run("orders add up while "+function+" is killed", func(t *testing.T) {
			p := s.mustCreateProduct(t, admin, customer, 120)
			stop := s.killRepeatedly(t, function, 200*time.Millisecond)
			placed := s.placeMany(t, customer, p, 200)
			killed := stop()
			byStatus := s.mustReconcile(t, admin, p)
			t.Logf("killed %s %d times while %d orders were placed", function, killed, placed)
			sum := 0
			for _, orders := range byStatus {
				sum += len(orders)
			}
			if int64(sum) < placed {
				t.Errorf("%d orders were placed, but %d exist", placed, sum)
			}
		})
	}
}

// TestChaos delivers every message twice and in random order, as Pub/Sub may.
func TestChaos(t *testing.T) {
	parallel(t)
	s := startSystem(t, "--pubsub-duplicate", "--pubsub-shuffle")
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 120)
	placed := s.placeMany(t, customer, p, 200)
	byStatus := s.mustReconcile(t, admin, p)
	if placed != 200 {
		t.Errorf("%d orders were placed, want 200", placed)
	}
	if len(byStatus[order.Cancelled]) == 0 || len(byStatus[order.Confirmed]) == 0 {
		t.Errorf("the test needs cancelled and confirmed orders: %d cancelled, %d confirmed", len(byStatus[order.Cancelled]), len(byStatus[order.Confirmed]))
	}
	for status, orders := range byStatus {
		for _, o := range orders {
			if transitions := len(o.History); transitions > 3 {
				t.Errorf("%s order %s has %d transitions", status, o.ID, transitions)
			}
		}
	}
}

// TestStopAndStart stops the system while orders are processed, and requires that no order
// is lost.
func TestStopAndStart(t *testing.T) {
	parallel(t)
	s := startSystem(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 30)
	placing := make(chan int)
	go func() {
		defer close(placing)
		for n := 1; n <= 60; n++ {
			status, err := s.tryPlace(customer, p)
			if err != nil || status != http.StatusCreated {
				return
			}
			placing <- n
		}
	}()
	for n := range placing {
		if n == 20 {
			s.stop(t)
		}
	}
	s.Status = s.start(t)
	s.mustReconcile(t, s.admin(t), p)
}

// tryPlace places an order at a system that may be stopped.
func (s *system) tryPlace(customer string, p product.Product) (status int, err error) {
	body := `{"items":[{"productId":"` + p.ID.String() + `","quantity":1}]}`
	r, err := http.NewRequest(http.MethodPost, s.Gateway+"/v1/orders", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+customer)
	r.Header.Set("Idempotency-Key", uuid.NewString())
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
