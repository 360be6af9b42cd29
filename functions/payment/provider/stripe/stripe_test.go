package stripe_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions/payment/provider"
	"souk/functions/payment/provider/providertest"
	"souk/functions/payment/provider/stripe"
	"souk/shared/config"
)

func mustAdapt(t *testing.T, transport http.RoundTripper) *stripe.Provider {
	t.Helper()
	adapter, err := stripe.New(stripe.Options{
		APIKey: config.NewSecret(providertest.APIKey), WebhookSecrets: providertest.WebhookSecrets(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return adapter
}

func TestStripe(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.System {
		t.Helper()
		f := mustFake(t)
		return providertest.System{
			Provider: mustAdapt(t, f), Now: now, Pay: f.pay, Sign: sign,
			Inject: func(operation string, fault providertest.Fault) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.faults[operation] = fault
				return nil
			},
			Callbacks: func() []providertest.Request {
				f.mu.Lock()
				defer f.mu.Unlock()
				callbacks := f.callbacks
				f.callbacks = nil
				return callbacks
			},
		}
	})
}

func TestResponses(t *testing.T) {
	t.Parallel()
	problem := func(message string) string {
		_, body := render(nil, &stripego.Error{
			Type: stripego.ErrorTypeInvalidRequest, Code: stripego.ErrorCode(message), Msg: message, DeclineCode: stripego.DeclineCode(message), RequestID: message,
			PaymentIntent: &stripego.PaymentIntent{ID: "pi_1", ClientSecret: "pi_1_secret_2"},
		})
		return string(body)
	}
	providertest.RunResponses(t, problem, func(t *testing.T, transport http.RoundTripper) provider.Provider {
		t.Helper()
		return mustAdapt(t, transport)
	})
}

// respond returns a transport with one response.
type respond struct {
	status int
	value  any
}

// RoundTrip returns the response.
func (r respond) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := json.Marshal(r.value)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: noClose{strings.NewReader(string(body))}, Request: request}, nil
}

type noClose struct{ *strings.Reader }

// Close does nothing.
func (noClose) Close() error { return nil }

// TestListOfSharedAccount lists payments of an account at Stripe that another system uses too, in ways
// that the adapter does not know. They hide no payment of the shop, whose own must be as documented.
func TestListOfSharedAccount(t *testing.T) {
	t.Parallel()
	intent := func(id, reference string, change func(*stripego.PaymentIntent)) *stripego.PaymentIntent {
		i := &stripego.PaymentIntent{
			ID: id, Amount: 100, Currency: "eur", Status: stripego.PaymentIntentStatusRequiresPaymentMethod,
			Created: now().Unix(), Metadata: map[string]string{},
		}
		if reference != "" {
			i.Metadata["reference"] = reference
		}
		change(i)
		return i
	}
	for name, change := range map[string]func(*stripego.PaymentIntent){
		"currency": func(i *stripego.PaymentIntent) { i.Currency = "clf" },
		"status":   func(i *stripego.PaymentIntent) { i.Status = "new" },
		"amount":   func(i *stripego.PaymentIntent) { i.Currency, i.Amount = "isk", 101 },
	} {
		for _, reference := range []string{"", "order"} {
			list := stripego.PaymentIntentList{ListMeta: stripego.ListMeta{HasMore: true}, Data: []*stripego.PaymentIntent{
				intent("pi_1", "mine", func(*stripego.PaymentIntent) {}), intent("pi_2", reference, change),
			}}
			page, err := mustAdapt(t, respond{http.StatusOK, list}).List(t.Context(), provider.Query{})
			if reference != "" {
				if err == nil {
					t.Errorf("%s: a payment of the shop that cannot be read is ignored", name)
				}
				continue
			}
			if err != nil || len(page.Items) != 1 || page.Items[0].ID != "pi_1" || page.NextPageToken != "pi_2" {
				t.Errorf("%s: got %+v, %v", name, page, err)
			}
		}
	}
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		kind   stripego.ErrorType
		code   stripego.ErrorCode
		want   provider.Class
	}{
		{http.StatusPaymentRequired, stripego.ErrorTypeCard, stripego.ErrorCodeCardDeclined, provider.ClassDeclined},
		{http.StatusBadRequest, stripego.ErrorTypeInvalidRequest, stripego.ErrorCodePaymentIntentUnexpectedState, provider.ClassConflict},
		{http.StatusBadRequest, stripego.ErrorTypeInvalidRequest, stripego.ErrorCodeChargeAlreadyRefunded, provider.ClassConflict},
		{http.StatusBadRequest, stripego.ErrorTypeInvalidRequest, stripego.ErrorCodeAmountTooSmall, provider.ClassInvalid},
		{http.StatusBadRequest, stripego.ErrorTypeIdempotency, "", provider.ClassConflict},
		{http.StatusBadRequest, "new_type", "new_code", provider.ClassInvalid},
		{http.StatusConflict, stripego.ErrorTypeIdempotency, stripego.ErrorCodeIdempotencyKeyInUse, provider.ClassTemporary},
		{http.StatusTooManyRequests, stripego.ErrorTypeInvalidRequest, stripego.ErrorCodeLockTimeout, provider.ClassTemporary},
		{http.StatusInternalServerError, stripego.ErrorTypeAPI, "", provider.ClassUnknown},
	} {
		adapter := mustAdapt(t, respond{row.status, map[string]any{"error": map[string]any{"type": row.kind, "code": row.code, "message": "m"}}})
		_, err := adapter.Void(t.Context(), "pi_1", "key")
		failed, ok := errors.AsType[*provider.Error](err)
		if !ok || failed.Class != row.want || !strings.Contains(failed.Detail, "m") {
			t.Errorf("%d %s %s: got %v, want %s", row.status, row.kind, row.code, err, row.want)
		}
	}
}

func TestNewRequiresSecrets(t *testing.T) {
	t.Parallel()
	key, secrets := config.NewSecret("k"), []config.Secret{config.NewSecret("s")}
	for name, options := range map[string]stripe.Options{
		"no key":           {WebhookSecrets: secrets},
		"no secret":        {APIKey: key},
		"an empty secret":  {APIKey: key, WebhookSecrets: append(secrets, config.Secret{})},
		"an empty text":    {APIKey: key, WebhookSecrets: []config.Secret{config.NewSecret("")}},
		"a key of no text": {APIKey: config.NewSecret(""), WebhookSecrets: secrets},
	} {
		if _, err := stripe.New(options); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestGlobalKey requires that the library's global key is not set: all users of the library in a
// process would share it.
func TestGlobalKey(t *testing.T) {
	t.Parallel()
	mustAdapt(t, nil)
	if stripego.Key != "" {
		t.Error("the global key is set")
	}
}

// TestCallbackOfOtherObjects tests events that are not about a PaymentIntent, or of another
// version of the API.
func TestCallbackOfOtherObjects(t *testing.T) {
	t.Parallel()
	adapter := mustAdapt(t, nil)
	for _, row := range []struct{ kind, object, want string }{
		{"payment_intent.succeeded", `{"object": "payment_intent", "id": "pi_1"}`, "pi_1"},
		{"charge.dispute.created", `{"object": "dispute", "id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1"}`, "pi_1"},
		{"refund.failed", `{"object": "refund", "id": "re_1", "payment_intent": "pi_1"}`, "pi_1"},
		{"charge.succeeded", `{"object": "charge", "id": "ch_1", "payment_intent": null}`, ""},
		{"charge.succeeded", `{"object": "charge", "id": "ch_1"}`, ""},
		{"customer.created", `{"object": "customer", "id": "cus_1"}`, ""},
	} {
		body := []byte(`{"object": "event", "id": "evt_1", "api_version": "2020-01-01", "created": 1767323045, "type": "` + row.kind + `", "data": {"object": ` + row.object + `}}`)
		got, err := adapter.ParseCallback(sign(providertest.NewSecret, now(), body), body, now())
		want := provider.Callback{ID: "evt_1", Type: row.kind, CreatedAt: now(), Payment: provider.Payment{ID: row.want}}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", row.kind, got, err, want)
		}
	}
	for _, body := range []string{"", "{}", "[]", "null", `{"object": "event"}`, `{"object": "v2.core.event", "id": "evt_1"}`, `{"object": "event", "id": "evt_1", "data": {"object": 1}}`, `{"object": "event", "id": "evt_1", "type": "charge.x", "data": {"object": {"payment_intent": "../x"}}}`} {
		if got, err := adapter.ParseCallback(sign(providertest.NewSecret, now(), []byte(body)), []byte(body), now()); err == nil {
			t.Errorf("%s: got %+v", body, got)
		}
	}
}

// TestFakeValidates requires that the imitation refuses what Stripe's OpenAPI document does not
// have.
func TestFakeValidates(t *testing.T) {
	t.Parallel()
	f := mustFake(t)
	for _, body := range []string{"amount=1&currency=eur&unknown=1", "amount=x&currency=eur", "currency=eur"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.stripe.com/v1/payment_intents", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+providertest.APIKey)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := f.RoundTrip(r)
		if err != nil || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %v, %v", body, response, err)
		}
	}
}
