package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/revocation"
)

// TestPoison delivers events that no publisher sends. They must change nothing and must not
// be acknowledged, so that Pub/Sub moves them to the dead letters.
func TestPoison(t *testing.T) {
	t.Parallel()
	poison := map[string][]string{
		"stock-reserve": {
			`{}`, `null`, `{"orderId":"%s"}`, `{"orderId":"%s","items":[]}`, `{"items":[{"productId":"%s","quantity":1}]}`,
			`{"orderId":"%s","items":[{"productId":"%s","quantity":-5}]}`, `{"orderId":"%s","items":[{"productId":"%s","quantity":0}]}`,
		},
		"stock-release": {`{}`, `null`, `{"orderId":"00000000-0000-0000-0000-000000000000"}`},
		"stock-sell":    {`{}`, `null`, `{"orderId":"00000000-0000-0000-0000-000000000000"}`},
		"stock-restock": {
			`{}`, `null`, `{"orderId":"%s","lines":[{"productId":"%s","quantity":-5,"restock":true}]}`,
			`{"orderId":"%s","lines":[{"quantity":1,"restock":true}]}`,
		},
		"stock-ship": {
			`{}`, `null`, `{"orderId":"%s"}`, `{"orderId":"%s","shipment":{"lines":[]}}`,
			`{"orderId":"%s","shipment":{"lines":[{"productId":"%s","quantity":-5}]}}`, `{"orderId":"%s","shipment":{"lines":[{"quantity":1}]}}`,
		},
		"catalog-sync": {
			`{}`, `null`, `{"productId":"%s","version":1,"price":{"amount":-1,"currency":"EUR"}}`,
			`{"productId":"%s","version":0,"price":{"amount":1,"currency":"EUR"}}`, `{"productId":"%s","version":1,"price":{"amount":1}}`,
		},
		"order-confirm":        {`{}`, `{"orderId":"%s"}`},
		"order-anonymize":      {`{}`, `null`},
		"order-adopt":          {`{}`, `null`, `{"userId":"%s"}`, `{"emailId":"%s"}`},
		"order-reject":         {`{}`, `{"orderId":"%s","reason":"none"}`},
		"order-payment-failed": {`{}`, `null`, `{"orderId":"%s","reason":"declined"}`},
	}
	for _, f := range functions.Manifest().Functions {
		if slices.Contains(f.Events, revocation.Topic.Name()) {
			poison[f.Name] = []string{
				`{}`, `null`, `{"userId":"%s"}`, `{"rightsVersion":2}`, `{"userId":"%s","rightsVersion":-1}`,
				`{"userId":"%s","sessionId":"00000000-0000-0000-0000-000000000000"}`, `{"userId":"%s","sessionId":"%s","rightsVersion":2}`,
			}
		}
	}
	for _, service := range []string{"product", "order"} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			for _, f := range functions.Manifest().FunctionsOf(service) {
				for _, payload := range poison[f.Name] {
					before := mustReadState(t, s)
					e := functiontest.NewEvent(t, f.Events[0], object{})
					e.Payload = []byte(strings.ReplaceAll(payload, "%s", missingID.String()))
					s.DeliverUnchecked(t, f.Name, e).MustBeProblem(t, http.StatusInternalServerError, "internal")
					if diff := cmp.Diff(before.sums, mustReadState(t, s).sums); diff != "" {
						t.Errorf("%s for %s changed rows (-before +after):\n%s", e.Payload, f.Name, diff)
					}
				}
			}
		})
	}
}
