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

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/function/functiontest"
	"souk/shared/testsample"
)

// crowd places orders of one product from several customers at once, and cancels
// some of them right away. What the gateway refuses because a function just died
// is not an order, or is one that the customer does not know of: both are fine.
func (s *system) crowd(t *testing.T, customer string, p product.Product, orders int) (placed int64) {
	t.Helper()
	var all sync.WaitGroup
	var number, known atomic.Int64
	for range 8 {
		all.Go(func() {
			for n := number.Add(1); n <= int64(orders); n = number.Add(1) {
				answer := s.place(t, customer, "", p.ID, 1)
				if answer.Status >= 500 {
					continue
				}
				var o order.Order
				answer.MustBe(t, http.StatusCreated).Into(t, &o)
				known.Add(1)
				if n%5 == 0 {
					s.cancelSome(t, customer, o)
				}
			}
		})
	}
	all.Wait()
	return known.Load()
}

// cancelSome cancels an order, whatever has become of it.
func (s *system) cancelSome(t *testing.T, customer string, o order.Order) {
	t.Helper()
	answer := s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: customer})
	if answer.Status != http.StatusOK && answer.Status != http.StatusConflict && answer.Status < 500 {
		t.Errorf("cancel answers %d: %s", answer.Status, answer.Body)
	}
}

// killOften kills a function again and again, after pauses of up to a length, until
// stop is called, which tells how often.
func (s *system) killOften(t *testing.T, function string, pause time.Duration) (stop func() (killed int)) {
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
			t.Error("nothing was killed: the test proves nothing")
		}
		return killed
	}
}

// TestKill kills each function that an order goes through, again and again, while
// orders go through it: some of them a day, and all with -long.
func TestKill(t *testing.T) {
	s := open(t)
	s.mustBeOurs(t)
	admin, customer := s.admin(t), s.customer(t)
	all := []string{"order-place", "stock-reserve", "order-confirm", "order-reject", "order-cancel", "stock-release"}
	for _, function := range testsample.Of(t, all, 2) {
		t.Run(function, func(t *testing.T) {
			p := s.mustCreate(t, admin, customer, 120)
			stop := s.killOften(t, function, 200*time.Millisecond)
			placed := s.crowd(t, customer, p, 200)
			killed := stop()
			byStatus := s.mustAddUp(t, admin, p)
			t.Logf("killed %s %d times while %d orders were placed", function, killed, placed)
			sum := 0
			for _, orders := range byStatus {
				sum += len(orders)
			}
			if int64(sum) < placed {
				t.Errorf("%d orders were placed, and %d are there", placed, sum)
			}
		})
	}
}

// TestChaos has Pub/Sub do what it may: deliver twice, and in any order.
func TestChaos(t *testing.T) {
	s := start(t, "--pubsub-duplicate", "--pubsub-shuffle")
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreate(t, admin, customer, 120)
	placed := s.crowd(t, customer, p, 200)
	byStatus := s.mustAddUp(t, admin, p)
	if placed != 200 {
		t.Errorf("%d orders were placed, want 200", placed)
	}
	if len(byStatus[order.Cancelled]) == 0 || len(byStatus[order.Confirmed]) == 0 {
		t.Errorf("the test proves nothing: %d cancelled, %d confirmed", len(byStatus[order.Cancelled]), len(byStatus[order.Confirmed]))
	}
	for status, orders := range byStatus {
		for _, o := range orders {
			if moves := len(o.History); moves > 3 {
				t.Errorf("%s order %s moved %d times", status, o.ID, moves)
			}
		}
	}
}

// TestStopAndStart stops the whole system in the middle of orders: nothing that
// was on its way is lost.
func TestStopAndStart(t *testing.T) {
	s := start(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreate(t, admin, customer, 30)
	placing := make(chan int)
	go func() {
		defer close(placing)
		for n := 1; n <= 60; n++ {
			response, err := s.tryPlace(customer, p)
			if err != nil || response != http.StatusCreated {
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
	s.mustAddUp(t, s.admin(t), p)
}

// tryPlace places an order at a system that may be gone.
func (s *system) tryPlace(customer string, p product.Product) (status int, err error) {
	body := `{"items":[{"productId":"` + p.ID.String() + `","quantity":1}]}`
	r, err := http.NewRequest(http.MethodPost, s.Gateway+"/v1/orders", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+customer)
	r.Header.Set("Idempotency-Key", uuid.NewString())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
