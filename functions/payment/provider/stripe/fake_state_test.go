package stripe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"souk/functions/payment/provider/providertest"
)

// now is the time of the tests.
func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// amount returns an amount of a form, which stripe-mock has validated.
func amount(form url.Values, name string) int64 {
	value, err := strconv.ParseInt(form.Get(name), 10, 64)
	if err != nil {
		panic(err)
	}
	return value
}

func (f *fake) create(_ string, form url.Values) (any, *stripego.Error) {
	if amount(form, "amount") > 99_999_999 {
		return nil, invalid(stripego.ErrorCodeAmountTooLarge)
	}
	id := f.id("pi")
	intent := &stripego.PaymentIntent{
		ID: id, Object: "payment_intent", Amount: amount(form, "amount"), Currency: stripego.Currency(form.Get("currency")),
		CaptureMethod: stripego.PaymentIntentCaptureMethod(form.Get("capture_method")), ClientSecret: id + "_secret_test",
		Created: f.now, Metadata: map[string]string{"reference": form.Get("metadata[reference]")},
		PaymentMethodTypes: []string{form.Get("payment_method_types[0]")}, Status: stripego.PaymentIntentStatusRequiresPaymentMethod,
	}
	f.intents = append(f.intents, intent)
	return intent, nil
}

// find returns a PaymentIntent.
func (f *fake) find(id string) (*stripego.PaymentIntent, *stripego.Error) {
	i := slices.IndexFunc(f.intents, func(intent *stripego.PaymentIntent) bool { return intent.ID == id })
	if i < 0 {
		return nil, failure(http.StatusNotFound, stripego.ErrorTypeInvalidRequest, stripego.ErrorCodeResourceMissing, "No such payment_intent: '"+id+"'")
	}
	return f.intents[i], nil
}

func (f *fake) retrieve(id string, _ url.Values) (any, *stripego.Error) {
	intent, failed := f.find(id)
	return intent, failed
}

func (f *fake) capture(id string, form url.Values) (any, *stripego.Error) {
	intent, failed := f.find(id)
	switch {
	case failed != nil:
		return nil, failed
	case intent.Status != stripego.PaymentIntentStatusRequiresCapture:
		return nil, invalid(stripego.ErrorCodePaymentIntentUnexpectedState)
	case amount(form, "amount_to_capture") > intent.AmountCapturable:
		return nil, invalid(stripego.ErrorCodeAmountTooLarge)
	}
	f.take(intent, amount(form, "amount_to_capture"))
	return intent, nil
}

// take captures an amount. The remainder counts as refunded.
func (f *fake) take(intent *stripego.PaymentIntent, amount int64) {
	intent.Status, intent.AmountReceived, intent.AmountCapturable = stripego.PaymentIntentStatusSucceeded, amount, 0
	charge := intent.LatestCharge
	charge.Captured, charge.AmountCaptured, charge.AmountRefunded = true, amount, charge.Amount-amount
	f.announce(stripego.EventTypePaymentIntentSucceeded, intent)
}

func (f *fake) cancel(id string, _ url.Values) (any, *stripego.Error) {
	intent, failed := f.find(id)
	switch {
	case failed != nil:
		return nil, failed
	case intent.Status == stripego.PaymentIntentStatusSucceeded, intent.Status == stripego.PaymentIntentStatusCanceled:
		return nil, invalid(stripego.ErrorCodePaymentIntentUnexpectedState)
	}
	intent.Status, intent.AmountCapturable, intent.CanceledAt = stripego.PaymentIntentStatusCanceled, 0, f.now
	if charge := intent.LatestCharge; charge != nil {
		charge.AmountRefunded, charge.Refunded = charge.Amount, true
	}
	f.announce(stripego.EventTypePaymentIntentCanceled, intent)
	return intent, nil
}

func (f *fake) refund(_ string, form url.Values) (any, *stripego.Error) {
	intent, failed := f.find(form.Get("payment_intent"))
	switch {
	case failed != nil:
		return nil, failed
	case intent.Status != stripego.PaymentIntentStatusSucceeded, amount(form, "amount") > intent.LatestCharge.Amount-intent.LatestCharge.AmountRefunded:
		return nil, invalid("") // There is no code for an amount above the remainder.
	}
	charge := intent.LatestCharge
	charge.AmountRefunded += amount(form, "amount")
	charge.Refunded = charge.AmountRefunded == charge.Amount
	refund := &stripego.Refund{
		ID: f.id("re"), Object: "refund", Amount: amount(form, "amount"), Currency: intent.Currency, Created: f.now,
		PaymentIntent: intent, Status: stripego.RefundStatusSucceeded,
	}
	f.announce(stripego.EventTypeChargeRefunded, map[string]any{"id": charge.ID, "object": "charge", "payment_intent": intent.ID})
	return refund, nil
}

// list returns PaymentIntents, the newest first.
func (f *fake) list(_ string, form url.Values) (any, *stripego.Error) {
	limit, intents, started := int(amount(form, "limit")), []*stripego.PaymentIntent{}, !form.Has("starting_after")
	page := map[string]any{"object": "list", "url": "/v1/payment_intents", "has_more": false}
	for _, intent := range slices.Backward(f.intents) {
		if started && (!form.Has("created[gte]") || intent.Created >= amount(form, "created[gte]")) {
			if len(intents) == limit {
				page["has_more"] = true
				break
			}
			intents = append(intents, intent)
		}
		started = started || intent.ID == form.Get("starting_after")
	}
	page["data"] = intents
	return page, nil
}

func (f *fake) listDisputes(_ string, form url.Values) (any, *stripego.Error) {
	disputes := []*stripego.Dispute{}
	for _, dispute := range f.disputes {
		if dispute.PaymentIntent.ID == form.Get("payment_intent") {
			disputes = append(disputes, dispute)
		}
	}
	return map[string]any{"object": "list", "url": "/v1/disputes", "has_more": false, "data": disputes}, nil
}

// pay does what Stripe.js does with the client secret.
func (f *fake) pay(id string, outcome providertest.Outcome) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	intent, failed := f.find(id)
	if failed != nil {
		return failed
	}
	if intent.Status != stripego.PaymentIntentStatusRequiresPaymentMethod {
		return fmt.Errorf("%s is %s", id, intent.Status)
	}
	intent.LastPaymentError = nil
	switch outcome {
	case providertest.Decline:
		intent.LastPaymentError = &stripego.Error{
			Type: stripego.ErrorTypeCard, Code: stripego.ErrorCodeCardDeclined, DeclineCode: stripego.DeclineCodeInsufficientFunds, Msg: "Your card has insufficient funds.",
		}
		f.announce(stripego.EventTypePaymentIntentPaymentFailed, intent)
	case providertest.Challenge:
		intent.Status = stripego.PaymentIntentStatusRequiresAction
		intent.NextAction = &stripego.PaymentIntentNextAction{
			Type:          stripego.PaymentIntentNextActionTypeRedirectToURL,
			RedirectToURL: &stripego.PaymentIntentNextActionRedirectToURL{URL: "https://hooks.stripe.com/3d_secure_2/test"},
		}
		f.announce(stripego.EventTypePaymentIntentRequiresAction, intent)
	case providertest.Approve:
		f.approve(intent)
	}
	return nil
}

func (f *fake) approve(intent *stripego.PaymentIntent) {
	intent.LatestCharge = &stripego.Charge{
		ID: f.id("ch"), Object: "charge", Amount: intent.Amount, Currency: intent.Currency, Created: f.now,
		Metadata: intent.Metadata, Paid: true, Status: stripego.ChargeStatusSucceeded,
	}
	if intent.CaptureMethod == stripego.PaymentIntentCaptureMethodAutomatic {
		f.take(intent, intent.Amount)
		return
	}
	intent.Status, intent.AmountCapturable = stripego.PaymentIntentStatusRequiresCapture, intent.Amount
	f.announce(stripego.EventTypePaymentIntentAmountCapturableUpdated, intent)
}

// announce adds the callback of an event.
func (f *fake) announce(kind stripego.EventType, object any) {
	_, data := render(object, nil)
	_, body := render(map[string]any{
		"id": f.id("evt"), "object": "event", "api_version": stripego.APIVersion, "created": f.now, "livemode": false,
		"pending_webhooks": 1, "type": kind, "data": map[string]any{"object": json.RawMessage(collapse(data, nil))},
	}, nil)
	f.callbacks = append(f.callbacks, providertest.Request{Header: sign(providertest.OldSecret, f.clock(), body), Body: body})
}

// sign returns the header of a callback, by stripe-go.
func sign(secret string, at time.Time, body []byte) http.Header {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at})
	return http.Header{"Stripe-Signature": {signed.Header}}
}
