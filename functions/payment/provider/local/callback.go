package local

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"souk/functions/payment/provider"
)

// signatureHeader is described at Sign in emulators/payment.
const signatureHeader = "Payment-Signature"

// ParseCallback verifies a callback and returns its content.
func (p *Provider) ParseCallback(header http.Header, body []byte, now time.Time) (provider.Callback, error) {
	if err := provider.VerifySignature(header, signatureHeader, body, p.secrets, now); err != nil {
		return provider.Callback{}, err
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return provider.Callback{}, errors.New("the callback is not an event")
	}
	if err := e.Payment.check("callback"); err != nil {
		return provider.Callback{}, err
	}
	return provider.Callback{ID: e.ID, Type: e.Type, CreatedAt: e.CreatedAt, Payment: e.Payment.convert()}, nil
}
