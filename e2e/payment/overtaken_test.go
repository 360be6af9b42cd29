package payment_test

import "testing"

// TestOvertakenByCancellation cancels an order before its stock was reserved.
func TestOvertakenByCancellation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, options{})
	w.deliver("payment-void", "order-cancelled")
	w.deliver("payment-request", "stock-reserved")
	w.mustReach("a voided payment", 1, func() bool { return w.stored().State == "voided" })
	if n := len(w.payments()); n != 0 {
		t.Errorf("the provider has %d payments", n)
	}
	for _, topic := range []string{"payment-authorized", "payment-failed"} {
		if n := w.count(topic); n != 0 {
			t.Errorf("%s was published %d times", topic, n)
		}
	}
}
