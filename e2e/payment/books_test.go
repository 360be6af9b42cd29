package payment_test

// checkBooks compares the end of a case with the provider's books: what was authorized, captured
// and refunded is what the service has stored and published, and what the order's course demands.
func (w *world) checkBooks(s scenario, f fault) {
	w.Helper()
	w.tick() // The sweep publishes what a killed process has not.
	w.tick()
	want, failed := s.want, 0
	if f.name == "declined" {
		switch s.operation {
		case "create":
			want, failed = want0, 1
		case "refund":
			if s.name == "refund a part" { // the admin may try again
				want.state, want.refunded = "captured", 0
			}
		}
	}
	if got := w.stored(); got != (row{want.state, want.captured, want.refunded, 0}) {
		w.Errorf("stored is %+v, want %+v", got, want)
	}
	payments := w.payments()
	if len(payments) > 1 {
		w.Errorf("the provider has %d payments of the order: %+v", len(payments), payments)
	}
	var captured, refunded int64
	for _, p := range payments {
		captured, refunded = captured+p.Captured, refunded+p.Refunded
		if string(p.State) != want.state {
			w.Errorf("the provider's payment is %s, want %s", p.State, want.state)
		}
	}
	if captured != want.captured || refunded != want.refunded {
		w.Errorf("the provider has captured %d and refunded %d, want %+v", captured, refunded, want)
	}
	w.checkEvents("payment-authorized", want.authorized, total*int64(want.authorized))
	w.checkEvents("payment-captured", min(1, int(want.captured)), want.captured)
	w.checkEvents("payment-refunded", min(1, int(want.refunded)), want.refunded)
	w.checkEvents("payment-failed", failed, total*int64(failed))
	w.checkEvents("payment-disputed", 0, 0)
}

// want0 is the end of a payment that the provider has refused to create.
var want0 = want{state: "declined"}

// checkEvents checks how many events of a topic were published, and the sum of their amounts.
func (w *world) checkEvents(topic string, number int, sum int64) {
	w.Helper()
	events := w.published(topic)
	var got int64
	for _, payload := range events {
		amount, _ := payload["amount"].(map[string]any)
		value, _ := amount["amount"].(float64)
		got += int64(value)
		if payload["orderId"] != w.order.String() || payload["userId"] != w.user.String() {
			w.Errorf("%s is %v, want one of order %s and user %s", topic, payload, w.order, w.user)
		}
	}
	if len(events) != number || got != sum {
		w.Errorf("%s was published %d times with %d in sum, want %d times with %d", topic, len(events), got, number, sum)
	}
}
