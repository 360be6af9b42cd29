package functions_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions"
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
		_, isReturn := v["requestedBy"] // the reason of a return is free text, others are codes
		for name, member := range v {
			texts = append(texts, personalTexts(member, personal || personalMembers[name] || isReturn && name == "reason")...)
		}
	}
	return texts
}

// TestWritersReadNothing calls each operation that changes an order as staff with the permission to change and
// not the one to read orders: the response has no personal data of the customer, apart from what was sent. It is
// generated from the manifest, so it covers new operations by default.
func TestWritersReadNothing(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "order")
	for _, f := range functions.Manifest().FunctionsOf("order") {
		needed, forStaff := f.Access.Permission()
		if !forStaff {
			needed = f.Others
		}
		if f.HTTP == "" || f.Method() == http.MethodGet || needed == "" || !strings.HasPrefix(f.Path(), "/v1/orders/{id}") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r := requestTo(t, s, f, mustCreateCaller(t, s, f))
			// A refund is a part of return-receive.
			r.Token = s.Tokens.Staff(t, needed, manifest.RefundsWrite)
			response := s.Do(t, r)
			requireSuccess(t, response)
			id := strings.Split(r.Path, "/")[3]
			read := r
			read.Method, read.Path, read.Body, read.Token = http.MethodGet, "/v1/orders/"+id, nil, s.Tokens.Admin(t)
			var stored any
			mustDecode(t, s.Do(t, read).MustBe(t, http.StatusOK).Body, &stored)
			texts := personalTexts(stored, false)
			if len(texts) == 0 {
				t.Fatal("the order has no personal data, so that this test checks nothing")
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
