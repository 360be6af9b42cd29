package audit

import (
	"cmp"
	"slices"
)

// Total is the sum of a currency, in minor units, of all orders that were compared.
type Total struct {
	Currency string `json:"currency"`
	// Orders are the totals of the paid orders, less their refunds.
	Orders int64 `json:"orders"`
	// Payments are the captured amounts of the payment service, less what was refunded.
	Payments int64 `json:"payments"`
	// Provider is the same by the provider's list.
	Provider int64 `json:"provider"`
}

// total returns the total of a currency.
func (a *auditor) total(currency string) *Total {
	t := a.byCurrency[currency]
	if t == nil {
		t = &Total{Currency: currency}
		a.byCurrency[currency] = t
	}
	return t
}

// sum adds an order, its payment and those at the provider. A paid order is one that was sent, or
// whose amount is captured. Payments of other providers are not in the sums.
func (a *auditor) sum(orders []bought, payments []payment, atProvider []listed) {
	for _, p := range payments {
		if a.provider.Checked && p.provider != a.provider.Name {
			return
		}
		a.total(p.amount.Currency).Payments += p.captured - p.refunded
	}
	for _, o := range orders {
		switch {
		case len(payments) == 0 && isSent(o.status):
			a.total(o.total.Currency).Orders += o.total.Amount
		case len(payments) > 0 && (isSent(o.status) || payments[0].captured > 0):
			a.total(o.total.Currency).Orders += o.total.Amount - payments[0].returned
		}
	}
	for _, l := range atProvider {
		a.total(l.amount.Currency).Provider += l.captured - l.refunded
	}
}

// compareTotals compares the sums of each currency.
func (a *auditor) compareTotals() {
	for _, t := range a.sortedTotals() {
		if t.Orders != t.Payments || a.provider.Checked && t.Provider != t.Payments {
			a.find(MoneyTotal, "currency "+t.Currency, "%d by paid orders less refunds, %d by captured amounts less refunded ones, %d at the provider",
				t.Orders, t.Payments, t.Provider)
		}
	}
}

// sortedTotals returns the totals by currency.
func (a *auditor) sortedTotals() []Total {
	totals := []Total{}
	for _, t := range a.byCurrency {
		totals = append(totals, *t)
	}
	slices.SortFunc(totals, func(x, y Total) int { return cmp.Compare(x.Currency, y.Currency) })
	return totals
}
