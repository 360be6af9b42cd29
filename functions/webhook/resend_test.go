package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/webhook"
)

// TestResend sends events again, one and a range, with the same ids.
func TestResend(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	product := uuid.New()
	first, second := f.mustPublish(t, product, 1), f.mustPublish(t, product, 2)
	f.mustPump(t)
	resend := func(body map[string]any) (resent webhook.Resent) {
		t.Helper()
		f.post(t, path(created.ID)+"/resend", body).MustBe(t, http.StatusAccepted).Into(t, &resent)
		f.mustPump(t)
		return resent
	}
	for _, c := range []struct {
		body map[string]any
		want []uuid.UUID
	}{
		{map[string]any{}, nil}, // none has failed
		{map[string]any{"eventId": first.ID}, []uuid.UUID{first.ID}},
		{map[string]any{"eventId": first.ID, "state": "failed"}, nil},
		{map[string]any{"state": "delivered", "from": first.Time}, []uuid.UUID{first.ID, second.ID}},
		{map[string]any{"state": "delivered", "until": first.Time}, nil},
	} {
		before, _ := r.all()
		if resent := resend(c.body); resent.Count != len(c.want) || resent.NextFrom != nil {
			t.Errorf("%v: %+v, want %d", c.body, resent, len(c.want))
		}
		after, _ := r.all()
		if len(after)-len(before) != len(c.want) {
			t.Fatalf("%v: accepted %+v, want %v", c.body, after[len(before):], c.want)
		}
		for i, id := range c.want {
			if after[len(before)+i].ID != id {
				t.Errorf("%v: accepted %+v, want %v", c.body, after[len(before):], c.want)
			}
		}
	}
	f.post(t, path(created.ID)+"/resend", map[string]any{"eventId": uuid.New()}).MustBeProblem(t, http.StatusNotFound, "delivery_not_found")
	f.change(t, http.MethodPatch, created.ID, map[string]any{"status": "disabled"}).MustBe(t, http.StatusOK)
	f.post(t, path(created.ID)+"/resend", map[string]any{}).MustBeProblem(t, http.StatusConflict, "webhook_disabled")
}
