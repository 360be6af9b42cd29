package webhook_test

import (
	"net/http"
	"testing"

	"souk/functions/webhook"
)

// TestTest checks that a test event is sent to an endpoint that is subscribed to others.
func TestTest(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "order.placed")
	var delivery webhook.Delivery
	f.post(t, path(created.ID)+"/test", nil).MustBe(t, http.StatusAccepted).Into(t, &delivery)
	f.mustPump(t)
	accepted, _ := r.all()
	if len(accepted) != 1 || accepted[0].Type != "webhook.test" || accepted[0].ID != delivery.EventID {
		t.Errorf("accepted %+v, want %s", accepted, delivery.EventID)
	}
	f.change(t, http.MethodPatch, created.ID, map[string]any{"status": "disabled"}).MustBe(t, http.StatusOK)
	f.post(t, path(created.ID)+"/test", nil).MustBeProblem(t, http.StatusConflict, "webhook_disabled")
}
