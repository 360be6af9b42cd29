package local_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/functions/payment/provider/providertest"
	"souk/shared/api"
	"souk/shared/config"
	"souk/shared/money"
)

// The tests with the provider itself are in e2e/payment.

func mustAdapt(t *testing.T, transport http.RoundTripper) *local.Provider {
	t.Helper()
	adapter, err := local.New(local.Options{
		URL: "http://pay.localhost/", APIKey: config.NewSecret(providertest.APIKey), WebhookSecrets: providertest.WebhookSecrets(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return adapter
}

func TestResponses(t *testing.T) {
	t.Parallel()
	problem := func(message string) string {
		body, err := json.Marshal(api.Problem{Code: message, Detail: message})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	providertest.RunResponses(t, problem, func(t *testing.T, transport http.RoundTripper) provider.Provider {
		t.Helper()
		return mustAdapt(t, transport)
	})
}

// recorder is a transport that records requests and responds with a payment.
type recorder struct {
	payment  string
	requests []string
}

// RoundTrip records a request.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	r.requests = append(r.requests, fmt.Sprintf("%s %s %s %s %s",
		request.Method, request.URL, request.Header.Get("Authorization"), request.Header.Get("Idempotency-Key"), body))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(r.payment)), Request: request}, nil
}

const captured = `{"id": "pay_1", "state": "captured", "version": 3, "amount": 500, "currency": "JPY", "capturedAmount": 500, "refunds": [{"id": "ref_1"}, {"id": "ref_2"}], "new": {}}`

func TestRequests(t *testing.T) {
	t.Parallel()
	transport := &recorder{payment: captured}
	adapter := mustAdapt(t, transport)
	amount := money.Money{Amount: 500, Currency: "JPY"}
	if payment, err := adapter.Capture(t.Context(), "pay_1", amount, "k1"); err != nil || payment.State != provider.Captured || payment.Amount != amount {
		t.Errorf("got %+v, %v", payment, err)
	}
	if refund, err := adapter.Refund(t.Context(), "pay_1", amount, "k2"); err != nil || refund.ID != "ref_2" {
		t.Errorf("got %+v, %v", refund, err)
	}
	if _, err := adapter.Void(t.Context(), "pay_1", "k3"); err != nil {
		t.Error(err)
	}
	const authorization = "Bearer " + providertest.APIKey
	want := []string{
		"POST http://pay.localhost/v1/payments/pay_1/capture " + authorization + ` k1 {"amount":500}`,
		"POST http://pay.localhost/v1/payments/pay_1/refunds " + authorization + ` k2 {"amount":500}`,
		"POST http://pay.localhost/v1/payments/pay_1/void " + authorization + " k3 ",
	}
	for i := range want {
		if i >= len(transport.requests) || transport.requests[i] != want[i] {
			t.Errorf("the requests are %q, want %q", transport.requests, want)
			break
		}
	}
}

// TestUndocumented requires that a payment which contradicts the documentation is no result.
func TestUndocumented(t *testing.T) {
	t.Parallel()
	for _, change := range []struct{ from, to string }{
		{"captured\"", "other\""},
		{"pay_1", "../pay"},
		{`"version": 3`, `"version": 0`},
		{`"currency": "JPY"`, `"currency": "yen"`},
		{`"amount": 500`, `"amount": -500`},
		{`"capturedAmount": 500`, `"capturedAmount": 501`},
		{`"capturedAmount": 500`, `"capturedAmount": 500, "refundedAmount": 501`},
	} {
		adapter := mustAdapt(t, &recorder{payment: strings.Replace(captured, change.from, change.to, 1)})
		if payment, err := adapter.Void(t.Context(), "pay_1", "key"); provider.ClassOf(err) != provider.ClassUnknown {
			t.Errorf("%s: got %+v, %v", change.to, payment, err)
		}
	}
	adapter := mustAdapt(t, &recorder{payment: strings.Replace(captured, `[{"id": "ref_1"}, {"id": "ref_2"}]`, "[]", 1)})
	if refund, err := adapter.Refund(t.Context(), "pay_1", money.Money{Amount: 1, Currency: "JPY"}, "key"); provider.ClassOf(err) != provider.ClassUnknown {
		t.Errorf("no refund: got %+v, %v", refund, err)
	}
}

func TestCallbackIsNoEvent(t *testing.T) {
	t.Parallel()
	adapter := mustAdapt(t, nil)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for body, ok := range map[string]bool{
		"":                               false,
		"null":                           false,
		"[]":                             false,
		`{"id": ""}`:                     false,
		`{"id": "evt_1", "payment": {}}`: false,
		`{"id": "evt_1", "payment": ` + captured + `}`:   true,
		`{"id": "evt_1", "payment": ` + captured + `} x`: false,
	} {
		mac := hmac.New(sha256.New, []byte(providertest.NewSecret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		header := http.Header{"Payment-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))}}
		callback, err := adapter.ParseCallback(header, []byte(body), at)
		if (err == nil) != ok || ok && callback.Payment.Version != 3 {
			t.Errorf("%s: got %+v, %v", body, callback, err)
		}
	}
}

func TestNewRefusesOptions(t *testing.T) {
	t.Parallel()
	valid := local.Options{URL: "https://pay.example.com", APIKey: config.NewSecret("k"), WebhookSecrets: []config.Secret{config.NewSecret("s")}}
	if _, err := local.New(valid); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*local.Options){
		"no URL":          func(o *local.Options) { o.URL = "" },
		"another scheme":  func(o *local.Options) { o.URL = "ftp://pay.example.com" },
		"a user name":     func(o *local.Options) { o.URL = "https://user:hunter2@pay.example.com" },
		"a query":         func(o *local.Options) { o.URL = "https://pay.example.com/?a=b" },
		"no key":          func(o *local.Options) { o.APIKey = config.Secret{} },
		"an empty secret": func(o *local.Options) { o.WebhookSecrets = append(o.WebhookSecrets, config.NewSecret("")) },
	} {
		options := valid
		change(&options)
		if _, err := local.New(options); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestNoWebhookSecrets requires that an adapter without webhook secrets, such as that of an audit,
// accepts no callback.
func TestNoWebhookSecrets(t *testing.T) {
	t.Parallel()
	adapter, err := local.New(local.Options{URL: "https://pay.example.com", APIKey: config.NewSecret("k")})
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Now(), []byte("{}")
	for _, secret := range []string{"", "k", "s"} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(fmt.Appendf(nil, "%d.%s", now.Unix(), body))
		header := http.Header{"Payment-Signature": {fmt.Sprintf("t=%d,v1=%x", now.Unix(), mac.Sum(nil))}}
		if _, err := adapter.ParseCallback(header, body, now); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("signed with %q: got %v, want %v", secret, err, provider.ErrSignature)
		}
	}
}
