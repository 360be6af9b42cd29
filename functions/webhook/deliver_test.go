package webhook_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/webhook"
	"souk/shared/api"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// TestDeliver checks a delivery, its attempts, and both signatures during a rotation.
func TestDeliver(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "product.changed")
	product := uuid.New()
	r.down()
	e := f.mustPublish(t, product, 1)
	f.mustPump(t)
	r.set(nil)
	f.mustTick(t, 45*time.Second)
	var rotated webhook.EndpointSecret
	f.post(t, path(created.ID)+"/rotate", nil).MustBe(t, http.StatusOK).Into(t, &rotated)
	r.mu.Lock()
	r.secrets = append(r.secrets, rotated.Secret) // both must have signed
	r.mu.Unlock()
	f.mustPublish(t, product, 2)
	f.mustPump(t)
	r.mu.Lock()
	r.secrets = []string{rotated.Secret}
	r.mu.Unlock()
	f.advance(25 * time.Hour)
	f.mustPublish(t, product, 3)
	f.mustPump(t)
	accepted, requests := r.all()
	if len(accepted) != 3 || requests != 4 || accepted[0].ID != e.ID || accepted[2].Data != (webhook.ProductData{ProductID: product, Version: 3, Status: "active"}) {
		t.Fatalf("%d requests, accepted %+v", requests, accepted)
	}
	deliveries := get[api.Page[webhook.Delivery]](t, f, path(created.ID)+"/deliveries?state=delivered").Items
	if len(deliveries) != 3 || deliveries[2].Attempts != 2 || deliveries[2].EventID != e.ID {
		t.Errorf("delivered %+v", deliveries)
	}
	attempts := get[api.Page[webhook.Attempt]](t, f, path(created.ID)+"/deliveries/"+e.ID.String()+"/attempts").Items
	if len(attempts) != 2 || attempts[0].Status != 500 || attempts[0].Error != webhook.ErrorStatus || attempts[0].Response != "not now\n" || attempts[1].Error != "" {
		t.Errorf("attempts %+v", attempts)
	}
}

// TestOrder checks that events of a resource that arrive in another order are sent in theirs, that one
// which fails delays those that follow and no other resource, and that it is given up in the end.
func TestOrder(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	bad, good := uuid.New(), uuid.New()
	first, second := f.newProductEvent(t, bad, 1), f.newProductEvent(t, bad, 2)
	second.Time = first.Time.Add(time.Second)
	refuseFirst := func(w http.ResponseWriter, request *http.Request) bool {
		if request.Header.Get("Webhook-Id") != first.ID.String() {
			return true
		}
		http.Error(w, "no", http.StatusUnprocessableEntity)
		return false
	}
	r.set(refuseFirst)
	f.mustFanout(t, second)
	f.mustFanout(t, first)
	f.mustPublish(t, good, 1)
	f.mustPump(t)
	if accepted, _ := r.all(); len(accepted) != 1 || accepted[0].Data.ProductID != good {
		t.Fatalf("accepted %+v, want the event of the other product", accepted)
	}
	for range 26 {
		f.mustTick(t, 3*time.Hour)
		f.mustTick(t, 6*time.Minute) // the longest pause after failures is over
	}
	accepted, requests := r.all()
	if len(accepted) != 2 || accepted[1].ID != second.ID {
		t.Fatalf("accepted %+v, want the second event after the first is given up", accepted)
	}
	failed := get[api.Page[webhook.Delivery]](t, f, path(created.ID)+"/deliveries?state=failed").Items
	if len(failed) != 1 || failed[0].EventID != first.ID || failed[0].Attempts != requests-2 || failed[0].Attempts < 12 || failed[0].Attempts > 25 {
		t.Errorf("%d requests, failed %+v", requests, failed)
	}
}

// TestDisable checks that an endpoint which responds with 410, or fails for 5 days, is disabled, and
// that it gets what has waited when it is enabled.
func TestDisable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		ticks  int
		reason webhook.DisabledReason
	}{
		"one that is gone":      {http.StatusGone, 0, webhook.Gone},
		"one that always fails": {http.StatusBadGateway, 40, webhook.Failing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r := open(t, nil), newReceiver(t)
			created := f.mustSubscribe(t, r, "*")
			r.status(c.status)
			f.mustPublish(t, uuid.New(), 1)
			f.mustPump(t)
			for range c.ticks {
				if f.mustGet(t, created.ID).Status != webhook.Enabled {
					t.Fatal("it is disabled too early")
				}
				f.mustPublish(t, uuid.New(), 1)
				f.mustTick(t, 3*time.Hour)
			}
			if e := f.mustGet(t, created.ID); e.Status != webhook.Disabled || e.DisabledReason != c.reason || e.FailingSince == nil {
				t.Fatalf("the endpoint is %+v", e)
			}
			if published := f.Published.Events("webhook-disabled"); len(published) != 1 || published[0].AggregateID != created.ID {
				t.Errorf("published %+v", published)
			}
			_, before := r.all()
			waiting := f.mustPublish(t, uuid.New(), 1)
			f.mustTick(t, time.Minute)
			if _, after := r.all(); after != before {
				t.Error("a disabled endpoint gets requests")
			}
			r.set(nil)
			f.change(t, http.MethodPatch, created.ID, map[string]any{"status": "enabled"}).MustBe(t, http.StatusOK)
			f.mustPump(t)
			accepted, _ := r.all()
			found := false
			for _, a := range accepted {
				found = found || a.ID == waiting.ID
			}
			if !found {
				t.Errorf("after it is enabled it gets %+v, want %s too", accepted, waiting.ID)
			}
		})
	}
}

// TestRetryAfter checks that a response can ask for a pause of the endpoint.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	f.mustSubscribe(t, r, "*")
	r.set(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
		return false
	})
	f.mustPublish(t, uuid.New(), 1)
	f.mustPump(t)
	r.set(nil)
	f.mustPublish(t, uuid.New(), 1)
	f.mustTick(t, 9*time.Minute)
	if _, requests := r.all(); requests != 1 {
		t.Errorf("%d requests during the pause, want 1", requests)
	}
	f.mustTick(t, 2*time.Minute)
	if accepted, _ := r.all(); len(accepted) != 2 {
		t.Errorf("accepted %d after the pause, want 2", len(accepted))
	}
}

// TestLostLease checks that a run that was killed delays its endpoint for the lease only, and that a
// deleted endpoint gets nothing.
func TestLostLease(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	f.mustPublish(t, uuid.New(), 1)
	if _, err := f.DB.ExecContext(t.Context(), `UPDATE endpoint SET lease_id = id, leased_until = ?`, f.now().Add(45*time.Second)); err != nil {
		t.Fatal(err)
	}
	f.mustPump(t)
	if _, requests := r.all(); requests != 0 {
		t.Fatalf("%d requests beside another run", requests)
	}
	f.mustTick(t, time.Minute)
	if accepted, _ := r.all(); len(accepted) != 1 {
		t.Fatalf("accepted %d after the lease, want 1", len(accepted))
	}
	f.mustPublish(t, uuid.New(), 2)
	f.change(t, http.MethodDelete, created.ID, nil).MustBe(t, http.StatusNoContent)
	f.mustTick(t, time.Minute)
	if _, requests := r.all(); requests != 1 {
		t.Error("a deleted endpoint gets a request")
	}
}

// TestExpiry checks that what waits for a disabled endpoint is given up after 72 hours, and deleted
// with its attempts after 30 days.
func TestExpiry(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	product := uuid.New()
	f.mustPublish(t, product, 1)
	f.mustPump(t)
	f.change(t, http.MethodPatch, created.ID, map[string]any{"status": "disabled"}).MustBe(t, http.StatusOK)
	f.mustPublish(t, product, 2)
	f.mustPublish(t, product, 3)
	for _, c := range []struct {
		after time.Duration
		want  map[webhook.DeliveryState]int
	}{
		{71 * time.Hour, map[webhook.DeliveryState]int{webhook.Delivered: 1, webhook.Pending: 2}},
		{2 * time.Hour, map[webhook.DeliveryState]int{webhook.Delivered: 1, webhook.Failed: 2}},
		{30 * 24 * time.Hour, map[webhook.DeliveryState]int{}},
	} {
		f.mustTick(t, c.after)
		got := map[webhook.DeliveryState]int{}
		for _, d := range get[api.Page[webhook.Delivery]](t, f, path(created.ID)+"/deliveries").Items {
			got[d.State]++
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s later (-want +got):\n%s", c.after, diff)
		}
	}
}

// TestForbiddenTarget checks that an address which is not allowed any more gets no request, and that
// the attempt says so.
func TestForbiddenTarget(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	e := f.mustPublish(t, uuid.New(), 1)
	strict := functiontest.Start(t, functions.Manifest(), "webhook", webhook.Functions, webhook.Migrations, config.Environment{"WEBHOOK_SECRET_KEYS": sealingKey},
		functiontest.WithSameDatabase(f.Server), functiontest.WithClock(f.now), functiontest.WithContract(contract))
	strict.Deliver(t, "webhook-deliver", f.Published.Events("webhook-due")[0]).MustBe(t, http.StatusNoContent)
	attempts := get[api.Page[webhook.Attempt]](t, f, path(created.ID)+"/deliveries/"+e.ID.String()+"/attempts").Items
	if _, requests := r.all(); requests != 0 || len(attempts) != 1 || attempts[0].Error != webhook.ErrorForbidden || attempts[0].Status != 0 {
		t.Errorf("%d requests, attempts %+v", requests, attempts)
	}
}

// TestResponses checks what is stored of responses, and the classes of errors.
func TestResponses(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	unreachable := f.mustCreate(t, "http://127.0.0.1:1/", "*")
	r.set(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Location", r.url)
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte("\xff\x00" + strings.Repeat("ä", 2<<20)))
		return false
	})
	e := f.mustPublish(t, uuid.New(), 1)
	f.mustPump(t)
	for id, want := range map[uuid.UUID]webhook.ErrorClass{created.ID: webhook.ErrorRedirect, unreachable.ID: webhook.ErrorConnection} {
		attempts := get[api.Page[webhook.Attempt]](t, f, path(id)+"/deliveries/"+e.ID.String()+"/attempts").Items
		if len(attempts) != 1 || attempts[0].Error != want || len(attempts[0].Response) > 1024 {
			t.Errorf("attempts %s, want %s: %+v", strconv.Quote(attempts[0].Response), want, attempts)
		}
	}
	if _, requests := r.all(); requests != 1 {
		t.Errorf("%d requests: the redirect was followed", requests)
	}
}
