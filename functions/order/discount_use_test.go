package order_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/database"
)

// usesStored returns the number of uses that orders have of a discount.
func (s testService) usesStored(t *testing.T, discount uuid.UUID) int64 {
	t.Helper()
	count, err := database.Get(t.Context(), s.DB, database.ScanColumn[int64], `SELECT COUNT(*) FROM discount_use WHERE discount_id = ?`, discount[:])
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// requireUses requires that a discount has been used by a number of orders.
func (s testService) requireUses(t *testing.T, discount uuid.UUID, want int64) {
	t.Helper()
	if counted, stored := s.mustGetDiscount(t, discount).Uses, s.usesStored(t, discount); counted != want || stored != want {
		t.Errorf("%d uses are counted and %d stored, want %d", counted, stored, want)
	}
}

// withCode returns a body of order-place with a discount code.
func withCode(product uuid.UUID, codes ...any) map[string]any {
	return with(fixtures.Order(fixtures.Item(product, 1)), map[string]any{"discountCodes": codes})
}

// TestLastUse places 1,000 orders at the same time of which a few can use a discount.
func TestLastUse(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	for _, maxUses := range []int64{1, 7} {
		d := s.mustCreateDiscount(t, with(tenPercent("LAST-"+string(rune('0'+maxUses))), map[string]any{"maxUses": maxUses}))
		buyers := make([]customer, 100)
		for i := range buyers {
			buyers[i] = s.customer(t)
		}
		var used atomic.Int64
		var requests sync.WaitGroup
		for i := range 500 {
			requests.Go(func() {
				switch response := s.placeBody(t, buyers[i%len(buyers)], withCode(cup, d.Code)); response.Status {
				case http.StatusCreated:
					used.Add(1)
				case http.StatusConflict:
					response.MustBeProblem(t, http.StatusConflict, "discount_code_used_up")
				default:
					t.Errorf("status %d: %s", response.Status, response.Body)
				}
			})
		}
		requests.Wait()
		if used.Load() != maxUses {
			t.Errorf("%d orders used a discount of %d uses", used.Load(), maxUses)
		}
		s.requireUses(t, d.ID, maxUses)
	}
}

// TestLastUseOfAutomaticDiscount checks that orders are placed without an automatic discount that
// is used up, and with the next one.
func TestLastUseOfAutomaticDiscount(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	first := s.mustCreateDiscount(t, map[string]any{"name": "First five", "kind": "percentage", "rate": 500_000, "maxUses": 5, "exclusive": true})
	others := s.mustCreateDiscount(t, map[string]any{"name": "Others", "kind": "amount", "amount": fixtures.Price(100)})
	var half, reduced atomic.Int64
	var requests sync.WaitGroup
	for range 50 {
		buyer := s.customer(t)
		requests.Go(func() {
			switch o := s.mustPlace(t, buyer, fixtures.Item(cup, 1)); o.Total.Amount {
			case 500:
				half.Add(1)
			case 900:
				reduced.Add(1)
			default:
				t.Errorf("the total is %d", o.Total.Amount)
			}
		})
	}
	requests.Wait()
	if half.Load() != 5 || reduced.Load() != 45 {
		t.Errorf("%d orders at half the price, %d at a reduced price", half.Load(), reduced.Load())
	}
	s.requireUses(t, first.ID, 5)
	s.requireUses(t, others.ID, 45)
}

// TestUsesPerCustomer places orders of one customer at the same time.
func TestUsesPerCustomer(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"ORDER_MAX_OPEN": "1000"})
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	d := s.mustCreateDiscount(t, with(tenPercent("TWICE"), map[string]any{"maxUsesPerCustomer": 2}))
	buyers := []customer{s.customer(t), s.customer(t), s.customer(t)}
	var used [3]atomic.Int64
	var requests sync.WaitGroup
	for i := range 60 {
		requests.Go(func() {
			buyer := i % len(buyers)
			if response := s.placeBody(t, buyers[buyer], withCode(cup, "TWICE")); response.Status == http.StatusCreated {
				used[buyer].Add(1)
			} else {
				response.MustBeProblem(t, http.StatusConflict, "discount_code_used_up_by_customer")
			}
		})
	}
	requests.Wait()
	for i := range used {
		if used[i].Load() != 2 {
			t.Errorf("customer %d used the discount %d times", i, used[i].Load())
		}
	}
	s.requireUses(t, d.ID, 6)
}

// TestReturnedUses checks that orders that end without a sale return their use, once.
func TestReturnedUses(t *testing.T) {
	t.Parallel()
	s := openWithShortExpiry(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	for name, end := range map[string]func(customer, order.Order){
		"cancelled": func(by customer, o order.Order) {
			s.cancel(t, by.token, o.ID).MustBe(t, http.StatusOK)
			s.cancel(t, by.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
		},
		"rejected": func(_ customer, o order.Order) {
			s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock")
			s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock")
		},
		"expired": func(customer, order.Order) { s.expire(t) },
	} {
		d := s.mustCreateDiscount(t, with(tenPercent("ONCE-"+name), map[string]any{"maxUses": 1, "maxUsesPerCustomer": 1}))
		buyer := s.customer(t)
		o := s.mustPlaceBody(t, buyer, withCode(cup, d.Code))
		s.requireUses(t, d.ID, 1)
		s.placeBody(t, s.customer(t), withCode(cup, d.Code)).MustBeProblem(t, http.StatusConflict, "discount_code_used_up")
		end(buyer, o)
		s.requireUses(t, d.ID, 0)
		s.mustPlaceBody(t, buyer, withCode(cup, d.Code))
		s.requireUses(t, d.ID, 1)
	}
}

// TestUsesOfDeletedDiscount checks that an order of a deleted discount can be cancelled, and that
// a delivered order retains its use.
func TestUsesOfDeletedDiscount(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup, buyer := s.mustAddProduct(t, "Cup", 1000), s.customer(t)
	d := s.mustCreateDiscount(t, tenPercent("GONE"))
	o, sold := s.mustPlaceBody(t, buyer, withCode(cup, "gone")), s.mustPlaceBody(t, buyer, withCode(cup, "GONE"))
	s.mustDeliverStock(t, "stock-reserved", sold.ID, "")
	s.requestStatus(t, s.Tokens.Admin(t), "ship", sold.ID).MustBe(t, http.StatusOK)
	s.requireUses(t, d.ID, 2)
	s.changeDiscount(t, http.MethodDelete, d.ID, nil).MustBe(t, http.StatusNoContent)
	s.placeBody(t, buyer, withCode(cup, "GONE")).MustBeProblem(t, http.StatusConflict, "discount_code_unknown")
	s.cancel(t, buyer.token, o.ID).MustBe(t, http.StatusOK)
	if stored := s.usesStored(t, d.ID); stored != 1 {
		t.Errorf("%d uses are stored, want that of the shipped order", stored)
	}
}
