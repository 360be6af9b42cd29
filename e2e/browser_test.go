package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"souk/emulators/browsertest"
	emulator "souk/emulators/payment"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
)

// TestPayInBrowser has guests pay in Chromium with the keyboard: the first card is declined, which the
// page explains, the second one needs a 3-D Secure challenge, and the customer returns to the shop,
// where the order becomes confirmed.
func TestPayInBrowser(t *testing.T) {
	parallel(t)
	browser := browsertest.Start(t)
	s := startSystem(t, paymentsOn)
	p := s.mustCreateProduct(t, s.admin(t), s.customer(t), 10)
	home := browsertest.NewTab(browser, t)
	home.Open(s.Gateway, 1600, "light")
	home.Wait(fmt.Sprintf(`document.querySelector('a[href="%s"]')`, s.Payments.URL))
	home.Do(chromedp.Click(fmt.Sprintf(`a[href="%s"]`, s.Payments.URL)))
	home.Wait(`document.querySelector("#latest") && document.body.textContent.includes("Test cards")`)
	for width, scheme := range map[int64]string{400: "dark", 1600: "light"} {
		t.Run(fmt.Sprintf("in a window of %d pixels", width), func(t *testing.T) {
			id, token := s.checkOut(t, uuid.NewString()+"@example.com", p.ID)
			payable := s.awaitPayment(t, token, id, "payable", func(p payment.Payment) bool { return p.NextAction != nil })
			tb := browsertest.NewTab(browser, t)
			tb.Open(payable.NextAction.URL, width, scheme)
			tb.Wait(`document.activeElement.id === "number"`)
			tb.Check("payment-page", width, scheme)
			tb.Type(emulator.CardDeclined + "\t12/40\t123\r")
			tb.Wait(`document.querySelector("[role=alert]")?.textContent.includes("The card was declined. No money was taken. Try another card.")`)
			tb.Check("payment-declined", width, scheme)
			if status := s.orderStatus(t, token, id); status != order.AwaitingPayment {
				t.Errorf("after a declined card the order is %s, want %s", status, order.AwaitingPayment)
			}
			tb.Type(emulator.CardChallenge + "\t12/40\t123\r")
			tb.Wait(`location.pathname.endsWith("/challenge") && document.activeElement.value === "approve"`)
			tb.Check("payment-challenge", width, scheme)
			tb.Type("\r")
			tb.Wait(fmt.Sprintf(`location.origin === %q && location.href.includes(%q)`, returnOrigin(s), id))
			eventually(t, "the order is confirmed", func() bool { return s.orderStatus(t, token, id) == order.Confirmed })
			tb.Open(payable.NextAction.URL, width, scheme)
			tb.Wait(`document.body.textContent.includes("Return to the shop")`)
			tb.Check("payment-paid", width, scheme)
		})
	}
}

func (s *system) orderStatus(t testing.TB, token string, id uuid.UUID) order.Status {
	t.Helper()
	var o order.Order
	s.do(t, fixtures.GetOrder(token, id)).MustBe(t, http.StatusOK).Into(t, &o)
	return o.Status
}
