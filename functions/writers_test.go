package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// personalMembers are the members of an order that have personal data of its customer.
var personalMembers = map[string]bool{
	"shippingAddress": true, "billingAddress": true, "email": true, "trackingNumber": true, "trackingUrl": true,
}

// minPersonalText is the least length of texts that identify a person; shorter ones, such as DE, are elsewhere
// in an order, too.
const minPersonalText = 5

// personalTexts returns the texts of personal members in a JSON value.
func personalTexts(value any, personal bool) (texts []string) {
	switch v := value.(type) {
	case string:
		if personal && len(v) >= minPersonalText {
			texts = append(texts, v)
		}
	case []any:
		for _, element := range v {
			texts = append(texts, personalTexts(element, personal)...)
		}
	case object:
		_, isReturn := v["requestedBy"]
		_, isOrder := v["history"]
		// Reasons are free text in returns and in cancellations, others are codes.
		isFree := isReturn || v["status"] == "cancelled" && v["reason"] != "by_customer" && v["reason"] != "by_shop"
		for name, member := range v {
			// Products have names, too.
			texts = append(texts, personalTexts(member, personal || personalMembers[name] || isOrder && name == "name" || isFree && name == "reason")...)
		}
	}
	return texts
}

// cancelReason is the reason of a cancellation.
const cancelReason = "Amira has moved house"

// TestWritersReadNothing calls each operation that changes an order as staff with the permission to change and
// not the one to read orders: the response has no personal data of the customer, apart from what was sent. The
// order is of an account or of a guest, or was cancelled with a reason, unless it is shipped. It is generated from
// the manifest, so it covers new operations by default.
func TestWritersReadNothing(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "order")
	personal := map[string][]string{
		"of an account": {"Amira Haddad"},
		"of a guest":    {"Amira Haddad", "Gaia Guest", "guest@example.com"},
		"cancelled":     {"Amira Haddad", cancelReason},
	}
	var changedCancelled atomic.Int64
	t.Cleanup(func() {
		if changedCancelled.Load() == 0 {
			t.Error("no operation has changed a cancelled order, so that this test checks nothing of them")
		}
	})
	for _, f := range functions.Manifest().FunctionsOf("order") {
		needed, forStaff := f.Access.Permission()
		if !forStaff {
			needed = f.Others
		}
		if f.HTTP == "" || f.Method() == http.MethodGet || needed == "" || !strings.HasPrefix(f.Path(), "/v1/orders/{id}") {
			continue
		}
		for kind, want := range personal {
			t.Run(f.Name+" "+kind, func(t *testing.T) {
				t.Parallel()
				owner := account{}
				if kind != "of a guest" {
					owner = mustCreateCaller(t, s, f)
				}
				r := requestTo(t, s, f, owner)
				path := "/v1/orders/" + strings.Split(r.Path, "/")[3]
				if kind == "cancelled" {
					cancel := functiontest.Request{Method: http.MethodPost, Path: path + "/cancel", Token: s.Tokens.Admin(t), Body: object{"reason": cancelReason}}
					if s.Do(t, cancel).Status == http.StatusConflict {
						return // it is shipped
					}
				}
				// A refund is a part of return-receive.
				r.Token = s.Tokens.Staff(t, needed, manifest.RefundsWrite)
				response := s.Do(t, r)
				switch {
				case kind != "cancelled":
					requireSuccess(t, response)
				case response.Status/100 == 2 && len(response.Body) > 0:
					changedCancelled.Add(1)
				case response.Status != http.StatusConflict && response.Status != http.StatusNoContent:
					t.Fatalf("got %d: %s", response.Status, response.Body)
				}
				var stored any
				mustDecode(t, s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: s.Tokens.Admin(t)}).MustBe(t, http.StatusOK).Body, &stored)
				texts := personalTexts(stored, false)
				for _, text := range want {
					if !slices.Contains(texts, text) {
						t.Fatalf("the order has no %q, so that this test does not check it: %q", text, texts)
					}
				}
				sent := mustJSON(t, r.Body)
				for _, text := range texts {
					if strings.Contains(string(response.Body), text) && !strings.Contains(sent, text) {
						t.Errorf("the response has %q of the order: %s", text, response.Body)
					}
				}
			})
		}
	}
}
