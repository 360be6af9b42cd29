package payment

import (
	"net/http"
	"testing"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("others than the customer and admins do not see a payment", func(t *testing.T) {
		t.Parallel()
		o, other := f.mustPay(t), f.newOrder(t)
		f.get(t, other.token, o).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
		response := f.get(t, f.Tokens.Admin(t), o).MustBe(t, http.StatusOK)
		again := functiontest.Request{
			Method: http.MethodGet, Path: "/v1/orders/" + o.id.String() + "/payment", Token: o.token,
			Header: map[string]string{"If-None-Match": response.Header.Get("ETag")},
		}
		f.Do(t, again).MustBe(t, http.StatusNotModified)
	})

	t.Run("a client secret is read from the provider, and not stored", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustOpen(t)
		id := f.paymentOf(t, o).ID
		f.bank.change(id, func(p *provider.Payment) {
			p.Next = provider.NextAction{ClientSecret: config.NewSecret("pi_1_secret_2")}
		})
		f.mustCall(t, "1", "payment_intent.requires_action", id)
		if p := f.mustGet(t, o); p.NextAction == nil || p.NextAction.ClientSecret != "pi_1_secret_2" || p.NextAction.URL != "" {
			t.Errorf("got %+v", p)
		}
		f.bank.fail = failTimes("get", false, 1, errTemporary)
		f.get(t, o.token, o).MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
		f.bank.pay(id) // and the callback is on the way
		if p := f.mustGet(t, o); p.NextAction != nil {
			t.Errorf("got %+v", p)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	valid := Settings{Provider: "local", Capture: CaptureAtOnce, ReturnURL: "https://shop.example/paid?a=b", MaxDeclines: 1, MaxDeclinesPerCustomer: 1, MaxDeclinesPerNetwork: 1, GuestRetention: minGuestRetention, RequestTimeout: time.Second}
	if err := valid.validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Settings){
		"another time":           func(s *Settings) { s.Capture = "later" },
		"a relative URL":         func(s *Settings) { s.ReturnURL = "/paid" },
		"a URL with a user":      func(s *Settings) { s.ReturnURL = "https://user@shop.example/" },
		"no declines":            func(s *Settings) { s.MaxDeclines = 0 },
		"no declines by user":    func(s *Settings) { s.MaxDeclinesPerCustomer = 0 },
		"a short retention":      func(s *Settings) { s.GuestRetention-- },
		"no declines by network": func(s *Settings) { s.MaxDeclinesPerNetwork = 0 },
		"a short time":           func(s *Settings) { s.RequestTimeout = time.Millisecond },
		"a long time":            func(s *Settings) { s.RequestTimeout = time.Minute },
	} {
		settings := valid
		change(&settings)
		if settings.validate() == nil {
			t.Errorf("%s is valid", name)
		}
	}
	secrets := Secrets{WebhookSecret: config.NewSecret("new, old")}.WebhookSecrets()
	if len(secrets) != 2 || secrets[0].Reveal() != "new" || secrets[1].Reveal() != "old" {
		t.Errorf("got %d secrets", len(secrets))
	}
}
