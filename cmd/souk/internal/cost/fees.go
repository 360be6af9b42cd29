package cost

import (
	"fmt"
	"math"
)

// Fees are assumptions about what a payment provider charges. They differ by country, card and
// contract, so none of them is in prices.yaml.
type Fees struct {
	// OrderUSD is the average total of an order.
	OrderUSD float64 `json:"orderUsd"`
	// Percent of each payment and FixedUSD for each payment are charged.
	Percent  float64 `json:"percent"`
	FixedUSD float64 `json:"fixedUsd"`
}

// DefaultFees are Stripe's list price for standard cards of the European Economic Area, 1.5 % and
// 0.25 EUR (https://stripe.com/de/pricing), with a euro as a dollar.
var DefaultFees = Fees{OrderUSD: 50, Percent: 1.5, FixedUSD: 0.25}

func (f Fees) check() error {
	for _, field := range []struct {
		name        string
		value, most float64
	}{{"order-value", f.OrderUSD, most}, {"fee-percent", f.Percent, 100}, {"fee-fixed", f.FixedUSD, most}} {
		if math.IsNaN(field.value) || field.value < 0 || field.value > field.most {
			return fmt.Errorf("%s is %v: expected 0 to %v", field.name, field.value, field.most)
		}
	}
	return nil
}

// ProviderFees are what the payment provider charges a month.
type ProviderFees struct {
	Fees

	Payments float64 `json:"payments"`
	CostUSD  float64 `json:"costUsd"`
}

// providerFees returns the fees of all paid orders: each is authorized and captured once, and the
// fee of a refunded payment is not returned. It is nil if orders need no payment.
func (u Usage) providerFees(s Settings) *ProviderFees {
	if !s.paid() {
		return nil
	}
	payments := u.paid(s)
	return &ProviderFees{Fees: u.Fees, Payments: payments, CostUSD: payments * (u.Fees.OrderUSD*u.Fees.Percent/100 + u.Fees.FixedUSD)}
}
