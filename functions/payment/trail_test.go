package payment

import (
	"net/http"
	"strings"
	"testing"

	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/trail"
)

// TestTrailList requires that each change of a payment's state and each refund is an entry: by staff
// who has requested it, and otherwise by the function that has heard of it.
func TestTrailList(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.mustDraft(t, o)
	f.mustRefund(t, o, map[string]any{"amount": euros(100), "reason": "canary of a reason"})
	f.mustGet(t, o) // reads the payment at the provider, and changes nothing
	var page api.Page[trail.Entry]
	response := f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/payments?pageSize=100&resourceId=" + o.id.String(), Token: f.Tokens.Admin(t)})
	response.MustBe(t, http.StatusOK).Into(t, &page)
	var states []string
	staff := 0
	for _, e := range page.Items {
		if e.Actor.Kind == trail.Staff {
			staff++
			if e.Operation != "refund-create" {
				t.Errorf("an entry by staff is %+v", e)
			}
		}
		for _, c := range e.Changes {
			if c.Field == "state" {
				states = append(states, e.Operation+" "+c.After.(string))
			}
		}
	}
	want := "refund-create partially_refunded, payment-capture captured, payment-webhook authorized, payment-request requested"
	if got := strings.Join(states, ", "); got != want || staff != 1 {
		t.Errorf("the states are %s, want %s; %d entries are by staff, want 1", got, want, staff)
	}
	if strings.Contains(string(response.Body), "canary") {
		t.Errorf("the reason of the refund is in the trail: %s", response.Body)
	}
}
