package payment

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// TestSign compares with the output of
// printf '%s' '1767323045.{"id":"evt_1"}' | openssl dgst -sha256 -hmac test-webhook-secret.
func TestSign(t *testing.T) {
	t.Parallel()
	got := Sign(testSecret, time.Unix(1767323045, 999), []byte(`{"id":"evt_1"}`))
	if want := "t=1767323045,v1=ebf44e39a6857ec59e42a882f1a8fb5580b43b9e1aafe5ae6407e00182c2fc6b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	path := f.mustPay(Manual, CardApproved)
	f.post(path+"/capture", `{"amount": 9000}`)
	f.post(path+"/refunds", `{"amount": 100}`)
	f.post(path+"/refunds", "")
	if n := f.Deliver(t.Context()); n != 4 {
		t.Errorf("%d requests", n)
	}
	if got, want := f.webhook.types(), "authorized, captured, partially_refunded, refunded"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i, c := range f.webhook.callbacks {
		if c.signature != Sign(testSecret, f.clock.now(), c.body) {
			t.Errorf("callback %d has the signature %s", i, c.signature)
		}
		if c.Payment.Version != i+2 || c.Delivery != nil || c.Payment.PageURL != "" {
			t.Errorf("callback %d is %s", i, c.body)
		}
	}
	if n := f.Deliver(t.Context()); n != 0 {
		t.Errorf("%d requests after all are delivered", n)
	}
	if got := f.must(http.StatusOK, http.MethodGet, "/v1/events?delivered=true", "", "").Items; len(got) != 4 {
		t.Errorf("%d events are delivered", len(got))
	}
}

// TestRetries requires that a callback is sent with growing pauses until a 2xx response, and that
// each attempt is signed with its own time.
func TestRetries(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.webhook.status.Store(http.StatusFound)
	f.mustPay(Automatic, CardApproved)
	sent := f.Deliver(t.Context())
	for range 9 * 60 {
		f.clock.forward(time.Second)
		sent += f.Deliver(t.Context())
	}
	// After 0, 1, 3, 7, 15, 31 and 63 s, then each minute.
	if want := 7 + (540-63)/60; sent != want {
		t.Errorf("%d attempts in 9 minutes, want %d", sent, want)
	}
	signatures := map[string]bool{}
	for _, c := range f.webhook.callbacks {
		signatures[c.signature] = true
	}
	if len(signatures) != sent {
		t.Errorf("%d attempts have %d signatures", sent, len(signatures))
	}
	e := f.events[0].view()
	if e.Delivery.Attempts != sent || e.Delivery.Delivered || e.Delivery.LastError != "the webhook responded with 302" {
		t.Errorf("delivery %+v", e.Delivery)
	}
	f.webhook.status.Store(0)
	f.clock.forward(time.Minute)
	if n := f.Deliver(t.Context()); n != 1 || !f.events[0].view().Delivery.Delivered {
		t.Errorf("%d requests, delivery %+v", n, f.events[0].view().Delivery)
	}
}

// TestWebhookURL requires that callbacks wait for a URL.
func TestWebhookURL(t *testing.T) {
	t.Parallel()
	f := open(t, func(o *Options) { o.WebhookURL = "" })
	f.mustPay(Automatic, CardApproved)
	if n := f.Deliver(t.Context()); n != 0 {
		t.Errorf("%d requests without a URL", n)
	}
	if err := f.SetWebhookURL("shop"); err == nil {
		t.Error("a relative URL is accepted")
	}
	if err := f.SetWebhookURL("https://shop.localhost/hook"); err != nil {
		t.Fatal(err)
	}
	if n := f.Deliver(t.Context()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestCallbackFaults injects each fault of callbacks into the first of two changes.
func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]struct{ now, later string }{
		Duplicate: {"authorized, authorized, captured", ""},
		Lose:      {"captured", ""},
		Delay:     {"captured", "authorized"},
		Reorder:   {"captured, authorized", ""},
	} {
		t.Run("the first callback has the fault "+string(kind), func(t *testing.T) {
			t.Parallel()
			f := open(t, func(o *Options) { o.Faults = []Fault{{Operation: OperationCallback, Kind: kind}} })
			path := f.mustPay(Manual, CardApproved)
			f.post(path+"/capture", "")
			f.Deliver(t.Context())
			if got := f.webhook.types(); got != want.now {
				t.Errorf("got %s, want %s", got, want.now)
			}
			f.webhook.callbacks = nil
			f.clock.forward(time.Hour)
			f.Deliver(t.Context())
			if got := f.webhook.types(); got != want.later {
				t.Errorf("later got %s, want %s", got, want.later)
			}
			if lost := f.events[0].view().Delivery.Lost; lost != (kind == Lose) {
				t.Errorf("lost: %t", lost)
			}
		})
	}
	t.Run("a reordered callback without a next one is sent after its delay", func(t *testing.T) {
		t.Parallel()
		f := open(t, func(o *Options) {
			o.Faults = []Fault{{Operation: OperationCallback, Kind: Reorder, DelayMillis: 5000}}
		})
		f.mustPay(Manual, CardApproved)
		f.clock.forward(5*time.Second - 1)
		f.Deliver(t.Context())
		if got := f.webhook.types(); got != "" {
			t.Errorf("got %s before the delay", got)
		}
		f.clock.forward(1)
		f.Deliver(t.Context())
		if got := f.webhook.types(); got != "authorized" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("the callback comes before the response", func(t *testing.T) {
		t.Parallel()
		f := open(t, func(o *Options) { o.Faults = []Fault{{Operation: OperationCapture, Kind: CallbackFirst}} })
		path := f.mustPay(Manual, CardApproved)
		f.must(http.StatusOK, http.MethodPost, path+"/capture", f.key(), "")
		if got := f.webhook.types(); got != "authorized, captured" {
			t.Errorf("got %s when the response came", got)
		}
	})
}

// TestDeliverEndsWithItsContext requires that Deliver does not send after its context is done.
func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.mustPay(Automatic, CardApproved)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n := f.Deliver(ctx); n != 0 {
		t.Errorf("%d requests", n)
	}
}
