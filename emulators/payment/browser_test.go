package payment

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/emulators/browsertest"
)

// TestPageInBrowser pays in Chromium with the keyboard: an error at a field, a declined card, a
// challenge, and the return to the shop, in a narrow dark and a wide light window.
func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>Shop</title>%s", r.Referer())
	}))
	defer shop.Close()
	f := open(t, nil)
	server := httptest.NewServer(f)
	defer server.Close()
	f.SetURL(server.URL)
	for width, scheme := range map[int64]string{400: "dark", 1600: "light"} {
		t.Run(fmt.Sprintf("a customer pays in %d pixels with the keyboard", width), func(t *testing.T) {
			tb := browsertest.NewTab(browser, t)
			body := strings.NewReplacer(shopURL, shop.URL, `"amount": 10000`, `"amount": 123456789`).Replace(newPayment(Manual))
			p := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", f.key(), body)

			tb.Open(p.PageURL, width, scheme)
			tb.Wait(`document.activeElement.id === "number"`)
			tb.Check("form", width, scheme)
			tb.Type("4242424242424241\t01/26\t12\r")
			tb.Wait(`document.title.startsWith("Error: ") && document.activeElement.id === "number" && document.querySelectorAll("p.error").length === 2`)
			tb.Check("errors", width, scheme)
			tb.Type(CardDeclined + "\t\t123\r")
			tb.Wait(`document.querySelector("[role=alert]")?.textContent.includes("The card was declined.")`)
			tb.Check("declined", width, scheme)
			tb.Type("4000 0000 0000 3220\t01/26\t123\r")
			tb.Wait(`location.pathname.endsWith("/challenge") && document.activeElement.value === "approve"`)
			tb.Check("challenge", width, scheme)
			tb.Type("\r")
			tb.Wait(fmt.Sprintf(`document.title === "Shop" && location.href === %q && !document.body.textContent.includes("/pay/")`, shop.URL+"/?payment="+p.ID))
			if got := f.mustGet("/v1/payments/" + p.ID); got.State != Authorized {
				t.Errorf("state %s", got.State)
			}
			tb.Open(p.PageURL, width, scheme)
			tb.Check("result", width, scheme)
			tb.Open(server.URL, width, scheme)
			tb.Check("home", width, scheme)
		})
	}
}
