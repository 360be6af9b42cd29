package payment

import (
	"net/http"
	"slices"

	"souk/emulators/hostcheck"
	"souk/shared/api"
	"souk/shared/money"
)

// latestPayments is how many payments the home page lists.
const latestPayments = 20

// total is a row of the home page: the sums of all payments in a currency.
type total struct{ Captured, Refunded, Balance money.Money }

// home handles GET /, where developers look first: the books, the latest payments and the test
// cards. It has no links to payment pages, whose tokens only the shop receives.
func (h *hostedPage) home(w http.ResponseWriter, r *http.Request) {
	setPageHeaders(w.Header(), nil)
	if hostcheck.IsForeign(r) && r.Header.Get("Sec-Fetch-Mode") != "navigate" { // Links of other pages are allowed.
		h.provider.refuse(w, r, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Requests of other origins are not allowed."))
		return
	}
	s := sheet{Title: "Payment provider", Wide: true, Cards: TestCards(), Latest: h.provider.latest(latestPayments)}
	for _, t := range h.provider.Books() {
		amount := func(n int64) money.Money { return money.Money{Amount: n, Currency: t.Currency} }
		s.Totals = append(s.Totals, total{Captured: amount(t.Captured), Refunded: amount(t.Refunded), Balance: amount(t.Balance)})
	}
	h.render(w, http.StatusOK, "home", nil, s)
}

// latest returns the last n payments, the newest first, without the URLs of their pages.
func (p *Provider) latest(n int) []Payment {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	var payments []Payment
	for _, e := range slices.Backward(p.payments[max(0, len(p.payments)-n):]) {
		payments = append(payments, e.Payment)
	}
	return payments
}

// CapturedTotal returns the captured amount.
func (p Payment) CapturedTotal() money.Money {
	return money.Money{Amount: p.CapturedAmount, Currency: p.Currency}
}

// RefundedTotal returns the refunded amount.
func (p Payment) RefundedTotal() money.Money {
	return money.Money{Amount: p.RefundedAmount, Currency: p.Currency}
}
