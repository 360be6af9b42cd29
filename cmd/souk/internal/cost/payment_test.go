package cost

import (
	"math"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest/manifestfile"
)

// paidShop is a shop of which an order can be paid, with figures that are easy to compute with.
func paidShop(t *testing.T, payments *Payments) Shop {
	t.Helper()
	list, err := manifestfile.Parse([]byte(`
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: order-place, service: order, http: POST /v1/orders, access: user, publishes: [order-placed]}
  - {name: order-confirm, service: order, events: [order-placed, payment-authorized], publishes: [order-confirmed]}
  - {name: payment-request, service: payment, events: [order-placed], filter: {payment: required}}
  - {name: payment-webhook, service: payment, http: "POST /v1/payments/{provider}/webhook", access: anyone, publishes: [payment-authorized]}
  - {name: payment-match, service: payment, events: [order-confirmed], filter: {payment: required}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return small(t, func(s *Shop) {
		s.Functions, s.Settings.Payments = list, payments
		call := Call{Ms: 50, LogBytes: 500}
		s.Measured.Functions = map[string]Call{
			"order-place": call, "order-confirm": call, "payment-request": call, "payment-webhook": call, "payment-match": call,
		}
		s.Measured.EventBytes = nil
		s.Behaviour.Order, s.Behaviour.Read = map[string]float64{"order-place": 1}, nil
		s.Behaviour.Paid = map[string]float64{"payment-webhook": 2}
		s.Behaviour.Publishes = map[string]map[string]float64{"payment-webhook": {"payment-authorized": 0.5}}
		s.Behaviour.PublishesPaid = map[string]map[string]float64{"order-confirm": {"order-confirmed": 0.5}}
	})
}

// TestPaymentsByHand compares the costs of a shop with and without payments with what a person
// computes.
func TestPaymentsByHand(t *testing.T) {
	t.Parallel()
	usage := Usage{Orders: 5e6, Fees: Fees{OrderUSD: 40, Percent: 1.5, FixedUSD: 0.25}}
	for name, test := range map[string]struct {
		payments               *Payments
		requests, deliveries   float64
		filtered               string
		alerts, feesUSD, armor float64
	}{
		// Of an order: order-place and order-confirm; two messages, published twice, to two subscriptions each
		// and one of payment-match. Two deliveries are filtered.
		"without payments": {nil, 2, 2 + 3, "10000000 messages", alerts + 1 + burns, 0, 1},
		// With payments, in addition payment-request, two callbacks, a second order-confirm for
		// payment-authorized, and payment-match; a third message with one delivery.
		"with payments": {&Payments{Enabled: true}, 7, 2 + 3 + 2, " 0 messages", alerts + 1 + burns + 8, 5e6 * 0.85, 3},
		// New orders need no payment, and orders from before have their alerts.
		"payments that were switched off": {&Payments{}, 2, 2 + 3, "10000000 messages", alerts + 1 + burns + 8, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bill := mustEstimate(t, paidShop(t, test.payments), usage)
			requests := test.requests * usage.Orders
			bill.requireLine(t, "run-requests", requests, (requests-2e6)*0.0000004)
			bill.requireLine(t, "armor-requests", test.armor*usage.Orders, test.armor*usage.Orders*0.75e-6)
			bytes := test.deliveries * usage.Orders * 1000 / gib
			bill.requireLine(t, "pubsub", bytes, (bytes-10)*pubsubUSD(bill))
			bill.requireLine(t, "alerts", test.alerts, 0.1*test.alerts)
			for _, line := range bill.Lines {
				if line.Price == "pubsub" && !strings.Contains(line.How, test.filtered) {
					t.Errorf("the messages that are filtered: %s, want %s", line.How, test.filtered)
				}
			}
			if test.feesUSD == 0 {
				if bill.Provider != nil {
					t.Errorf("got the fees %+v", bill.Provider)
				}
				return
			}
			if fees := bill.Provider; fees == nil || fees.Payments != 5e6 || math.Abs(fees.CostUSD-test.feesUSD) > 1e-6 {
				t.Errorf("got the fees %+v, want %v USD", fees, test.feesUSD)
			}
			if math.Abs(bill.TotalUSD-total(bill.Lines)) > 1e-9 {
				t.Error("the fees of the provider are in the total of Google Cloud")
			}
		})
	}
}

func pubsubUSD(bill *Bill) float64 {
	for _, line := range bill.Lines {
		if line.Price == "pubsub" {
			return line.USD
		}
	}
	return 0
}

// TestPaidOrder counts the calls of the functions of one paid order, with the functions and the
// behaviour that come with the program.
func TestPaidOrder(t *testing.T) {
	t.Parallel()
	settings, err := ReadSettings(terraform, "")
	if err != nil {
		t.Fatal(err)
	}
	calls := func(payments *Payments) map[string]float64 {
		settings.Payments = payments
		shop, err := NewShop(functions.Manifest(), settings)
		if err != nil {
			t.Fatal(err)
		}
		used, err := shop.traffic(Usage{Orders: 1})
		if err != nil {
			t.Fatal(err)
		}
		return used.calls
	}
	paid, unpaid := calls(&Payments{Enabled: true}), calls(nil)
	for name, want := range map[string]float64{
		"payment-request": 0.98, "payment-webhook": 2, "payment-match": 0.98, "payment-get": 2, "order-confirm": 2 * 0.98,
		"invoice-draft": 1, "invoice-issue": 1, "credit-note-issue": 0.02, "stock-restock": 0.02, "invoice-mail": 1.02,
		// as without payment
		"user-notify": unpaid["user-notify"],
	} {
		if got := paid[name]; math.Abs(got-want) > 1e-9 {
			t.Errorf("a paid order calls %s %v times, want %v", name, got, want)
		}
		if got := unpaid[name]; got != 0 && name != "order-confirm" && name != "user-notify" {
			t.Errorf("an order without payment calls %s %v times", name, got)
		}
	}
	if got := unpaid["order-confirm"]; math.Abs(got-0.98) > 1e-9 {
		t.Errorf("an order without payment calls order-confirm %v times", got)
	}
}

// TestFees refuses fees that cannot be meant.
func TestFees(t *testing.T) {
	t.Parallel()
	prices, err := StandardPrices()
	if err != nil {
		t.Fatal(err)
	}
	for want, fees := range map[string]Fees{
		"order-value": {OrderUSD: -1}, "fee-percent": {Percent: 101}, "fee-fixed": {FixedUSD: math.NaN()},
	} {
		if _, err := Estimate(paidShop(t, nil), prices, Usage{Fees: fees}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v", fees, err)
		}
	}
}
