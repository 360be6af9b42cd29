package local

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"souk/functions/payment/provider"
	"souk/shared/api"
	"souk/shared/telemetry"
)

// request is a request to the provider.
type request struct {
	operation, method, path string
	// key is the idempotency key of a write.
	key  string
	body any
}

// payment sends a request whose response is a payment.
func (p *Provider) payment(ctx context.Context, r request) (provider.Payment, error) {
	var out payment
	if err := p.do(ctx, r, &out); err != nil {
		return provider.Payment{}, err
	}
	return out.convert(), nil
}

// do sends a request and decodes its response.
func (p *Provider) do(ctx context.Context, r request, out any) error {
	sent, err := p.newRequest(ctx, r)
	if err != nil {
		return &provider.Error{Class: provider.ClassInvalid, Operation: r.operation, Err: err}
	}
	response, err := p.client.Do(sent)
	if err != nil {
		return provider.NoResponse(r.operation, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return provider.NoResponse(r.operation, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return p.problem(r.operation, response.StatusCode, body)
	}
	// The error of the decoder could quote the body.
	if json.Unmarshal(body, out) != nil {
		return provider.BadResponse(r.operation, "the response is not as documented")
	}
	if decoded, ok := out.(*payment); ok {
		return decoded.check(r.operation)
	}
	return nil
}

func (p *Provider) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader = http.NoBody
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, p.url+r.path, body)
	if err != nil {
		return nil, err
	}
	sent.Header.Set("Authorization", "Bearer "+p.key.Reveal())
	if r.body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		sent.Header.Set("Idempotency-Key", r.key)
	}
	telemetry.ToHeader(ctx, sent.Header)
	return sent, nil
}

// problem returns the error of a response that is no success.
func (p *Provider) problem(operation string, status int, body []byte) error {
	var problem api.Problem
	if json.Unmarshal(body, &problem) != nil {
		problem = api.Problem{} // The response is not the provider's.
	}
	return &provider.Error{
		Class: class(operation, status, problem.Code), Operation: operation,
		Code: provider.Redact(problem.Code, p.key.Reveal()), Detail: provider.Redact(problem.Detail, p.key.Reveal()),
	}
}

// codeKeyReused is the code of a key that was used for another request.
const codeKeyReused = "idempotency_key_reused"

// class returns the class of a status that is no success, with the code of its problem.
func class(operation string, status int, code string) provider.Class {
	switch {
	case status >= http.StatusInternalServerError:
		return provider.WithoutOutcome(operation)
	case status == http.StatusPaymentRequired:
		return provider.ClassDeclined
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity && code == codeKeyReused:
		return provider.ClassConflict
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests,
		status < http.StatusBadRequest:
		// The API key or the URL is wrong, which an operator corrects, or there are too many requests.
		return provider.ClassTemporary
	default:
		return provider.ClassInvalid
	}
}
