package stripe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"souk/functions/payment/provider"
)

// signatureHeader is described at https://docs.stripe.com/webhooks#verify-manually
const signatureHeader = "Stripe-Signature"

// eventPrefixes are those of the types of events about payments.
var eventPrefixes = []string{"payment_intent.", "charge.", "refund."}

// ParseCallback verifies a callback and returns the id of its payment. Events are rendered in the
// API version of the webhook endpoint and may be late, so that their content is not used.
func (p *Provider) ParseCallback(header http.Header, body []byte, now time.Time) (provider.Callback, error) {
	// The library verifies the time by the system's clock, and accepts any in the future.
	value, err := provider.SignatureHeader(header, signatureHeader, body, now)
	if err != nil {
		return provider.Callback{}, err
	}
	event, err := p.verify(value, body)
	if err != nil {
		return provider.Callback{}, err
	}
	callback := provider.Callback{ID: event.ID, Type: string(event.Type), CreatedAt: time.Unix(event.Created, 0).UTC()}
	if event.ID == "" || event.Data == nil {
		return provider.Callback{}, errors.New("the callback is not an event")
	}
	for _, prefix := range eventPrefixes {
		if strings.HasPrefix(callback.Type, prefix) {
			callback.Payment.ID, err = paymentID(event.Data.Raw)
		}
	}
	return callback, err
}

// verify returns the event of a body that is signed with one of the secrets.
func (p *Provider) verify(value string, body []byte) (stripego.Event, error) {
	options := webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true}
	for _, secret := range p.secrets {
		event, err := webhook.ConstructEventWithOptions(body, value, secret.Reveal(), options)
		switch {
		case err == nil:
			return event, nil
		case errors.Is(err, webhook.ErrInvalidHeader), errors.Is(err, webhook.ErrNotSigned):
			return stripego.Event{}, fmt.Errorf("%w: the header %s is not valid", provider.ErrSignature, signatureHeader)
		case !errors.Is(err, webhook.ErrNoValidSignature):
			return stripego.Event{}, errors.New("the callback is not an event")
		}
	}
	return stripego.Event{}, provider.ErrSignature
}

// paymentID returns the id of the PaymentIntent that an object is, or that it belongs to. It is
// empty for a charge without one.
func paymentID(object json.RawMessage) (string, error) {
	var o struct {
		Object        string          `json:"object"`
		ID            string          `json:"id"`
		PaymentIntent json.RawMessage `json:"payment_intent"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return "", errors.New("the object of the event is not as documented")
	}
	id := o.ID
	if o.Object != "payment_intent" {
		var found bool
		if id, found = stripego.ParseID(o.PaymentIntent); !found {
			return "", nil
		}
	}
	return id, provider.ValidateID("callback", id)
}
