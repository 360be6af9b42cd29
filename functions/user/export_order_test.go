package user

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	paidOrder   = "01890a5d-ac96-774b-bcce-b302099a8057"
	openOrder   = "01890a5d-ac96-774b-bcce-b302099a8058"
	exportOrder = `{"id":"%s","payment":"%s"}`
)

// servePayments responds as the payment service does for an order that is paid, with two pages of
// invoices, and for one that has no payment yet.
func servePayments(w http.ResponseWriter, r *http.Request) {
	switch path := strings.TrimPrefix(r.URL.Path, "/v1/orders/"); {
	case path == paidOrder+"/payment":
		_, _ = io.WriteString(w, `{"status":"captured","refunds":[{"reason":"broken"}],"nextAction":{"clientSecret":"secret"}}`)
	case path == paidOrder+"/invoices" && r.URL.Query().Get("pageToken") == "":
		_, _ = io.WriteString(w, `{"items":[{"number":"1"}],"nextPageToken":"a+b"}`)
	case path == paidOrder+"/invoices" && r.URL.Query().Get("pageToken") == "a+b":
		_, _ = io.WriteString(w, `{"items":[{"number":"2"}]}`)
	case strings.HasPrefix(path, openOrder):
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, map[bool]string{true: `{"code":"payment_not_found"}`, false: `{"code":"order_not_found"}`}[strings.HasSuffix(path, "/payment")])
	default:
		http.Error(w, "unexpected "+r.URL.String(), http.StatusBadRequest)
	}
}

// TestExportPayments checks that orders that must be paid are exported with their payments and
// invoices, and that others cost no request.
func TestExportPayments(t *testing.T) {
	t.Parallel()
	shop := newOrderService(t, func(w http.ResponseWriter, _ string) {
		fmt.Fprintf(w, `{"items":[`+exportOrder+`,`+exportOrder+`,`+exportOrder+`]}`, paidOrder, "required", openOrder, "required", openOrder, "none")
	})
	shop.respondPayment = servePayments
	s := openIn(t, shop.URL)
	token := s.mustOwner(t, "ada@example.com")
	var document struct{ Orders []json.RawMessage }
	if err := json.Unmarshal(s.export(t, token).MustBe(t, http.StatusOK).Body, &document); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"id":"` + paidOrder + `","payment":"required","paymentRecord":{"refunds":[{"reason":"broken"}],"status":"captured"},"invoices":[{"number":"1"},{"number":"2"}]}`,
		`{"id":"` + openOrder + `","payment":"required","invoices":[]}`,
		`{"id":"` + openOrder + `","payment":"none"}`,
	}
	var got []string
	for _, o := range document.Orders {
		got = append(got, string(o))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if n := len(shop.requests()); n != 6 {
		t.Errorf("%d requests, want one for the orders, three for the paid one, two for the open one", n)
	}
	for _, r := range shop.requests() {
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s is requested with %q", r.URL, r.Header.Get("Authorization"))
		}
	}
}

// TestExportWithoutPayments checks that an export without the payments is none.
func TestExportWithoutPayments(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]http.HandlerFunc{
		"the payment service fails":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) },
		"the payment service is absent": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no backend", http.StatusNotFound) },
		"a page token is repeated": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/invoices") {
				_, _ = io.WriteString(w, `{"items":[],"nextPageToken":"same"}`)
				return
			}
			servePayments(w, r)
		},
	} {
		t.Run("there is no export if "+name, func(t *testing.T) {
			t.Parallel()
			shop := newOrderService(t, func(w http.ResponseWriter, _ string) {
				fmt.Fprintf(w, `{"items":[`+exportOrder+`]}`, paidOrder, "required")
			})
			shop.respondPayment = fail
			s := openIn(t, shop.URL)
			s.export(t, s.mustOwner(t, "ada@example.com")).MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
		})
	}
}
