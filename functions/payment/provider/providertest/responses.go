package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"souk/functions/payment/provider"
)

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a transport with one response.
func respond(status int, body io.Reader) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "Location": {"https://evil.example.com/"}},
			Body: io.NopCloser(body), Request: r,
		}, nil
	})
}

// fail returns a transport that fails.
func fail(err error) http.RoundTripper {
	return roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })
}

// endless is a body without an end.
type endless struct{}

var brackets = strings.Repeat("[", 64<<10)

// Read copies the start of a JSON text.
func (endless) Read(p []byte) (int, error) { return copy(p, brackets), nil }

// response is a response, or none, and the class of the error that it is for a write and for a read.
type response struct {
	transport   http.RoundTripper
	write, read provider.Class
}

// responses returns what an adapter must bear. Problem returns the provider's body of an error.
func responses(problem func(message string) string) map[string]response {
	// A server that repeats what it was sent must not get it into an error.
	leak := problem("invalid key " + APIKey + " or pi_1_secret_2")
	rows := map[string]response{
		"no connection":     {fail(&net.OpError{Op: "dial", Err: errors.New("refused")}), provider.ClassTemporary, provider.ClassTemporary},
		"a reset":           {fail(&net.OpError{Op: "read", Err: errors.New("reset")}), provider.ClassUnknown, provider.ClassTemporary},
		"a timeout":         {fail(context.DeadlineExceeded), provider.ClassUnknown, provider.ClassTemporary},
		"half of a body":    {respond(http.StatusOK, io.MultiReader(strings.NewReader(`{"id": "`), cut{})), provider.ClassUnknown, provider.ClassTemporary},
		"an endless body":   {respond(http.StatusOK, endless{}), provider.ClassUnknown, provider.ClassTemporary},
		"an endless error":  {respond(http.StatusBadRequest, endless{}), provider.ClassUnknown, provider.ClassTemporary},
		"no JSON":           {respond(http.StatusOK, strings.NewReader("<html>"+APIKey+" pi_1_secret_2")), provider.ClassUnknown, provider.ClassTemporary},
		"an empty object":   {respond(http.StatusOK, strings.NewReader("{}")), provider.ClassUnknown, provider.ClassTemporary},
		"an array":          {respond(http.StatusOK, strings.NewReader("[]")), provider.ClassUnknown, provider.ClassTemporary},
		"other types":       {respond(http.StatusOK, strings.NewReader(`{"id": 1, "items": 1, "data": 1}`)), provider.ClassUnknown, provider.ClassTemporary},
		"a proxy's 502":     {respond(http.StatusBadGateway, strings.NewReader("<html>"+APIKey)), provider.ClassUnknown, provider.ClassTemporary},
		"an error, no JSON": {respond(http.StatusInternalServerError, strings.NewReader("")), provider.ClassUnknown, provider.ClassTemporary},
	}
	for status, class := range map[int]provider.Class{
		http.StatusBadRequest:      provider.ClassInvalid,
		http.StatusUnauthorized:    provider.ClassTemporary,
		http.StatusPaymentRequired: provider.ClassDeclined,
		http.StatusForbidden:       provider.ClassTemporary,
		http.StatusNotFound:        provider.ClassInvalid,
		http.StatusTooManyRequests: provider.ClassTemporary,
	} {
		rows[fmt.Sprint("status ", status)] = response{respond(status, strings.NewReader(leak)), class, class}
	}
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		rows[fmt.Sprint("status ", status)] = response{respond(status, strings.NewReader(leak)), provider.ClassUnknown, provider.ClassTemporary}
	}
	return rows
}

// cut is a body that ends early.
type cut struct{}

// Read returns an error.
func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// RunResponses tests an adapter with responses that no provider should send. Problem returns the
// body of an error with a message, as the provider sends it.
func RunResponses(t *testing.T, problem func(message string) string, open func(*testing.T, http.RoundTripper) provider.Provider) {
	t.Helper()
	for _, w := range append(writes(), reads()...) {
		for name, row := range responses(problem) {
			t.Run(w.operation+", "+name, func(t *testing.T) {
				t.Parallel()
				f := &fixture{T: t, System: System{Provider: open(t, row.transport)}}
				want := row.write
				if w.effects == nil {
					want = row.read
				}
				err := w.do(f, "pay_1", f.key())
				f.requireClass(err, want)
				f.requireNoSecret(err)
			})
		}
		t.Run(w.operation+", a redirect", func(t *testing.T) {
			t.Parallel()
			f := &fixture{T: t, System: System{Provider: open(t, respond(http.StatusTemporaryRedirect, strings.NewReader("{}")))}}
			err := w.do(f, "pay_1", f.key())
			if err == nil || !provider.ClassOf(err).Retryable() {
				t.Errorf("got %v", err)
			}
		})
	}
}

// reads returns the reads, which have no effects.
func reads() []write {
	return []write{
		{operation: provider.OperationGet, do: func(f *fixture, id, _ string) error {
			_, err := f.Provider.Get(f.Context(), id)
			return err
		}},
		{operation: provider.OperationList, do: func(f *fixture, _, _ string) error {
			page, err := f.Provider.List(f.Context(), provider.Query{})
			if err == nil && len(page.Items) == 0 {
				// An object without members is an empty page.
				err = &provider.Error{Class: provider.ClassTemporary, Operation: provider.OperationList}
			}
			return err
		}},
	}
}

// requireNoSecret requires that neither an error nor the adapter, as they are printed and logged,
// contain a secret.
func (f *fixture) requireNoSecret(err error) {
	f.Helper()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err, "provider", f.Provider)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", err, err, err), fmt.Sprintf("%v %+v", f.Provider, f.Provider), log.String()} {
		for _, secret := range []string{APIKey, OldSecret, NewSecret, "_secret_"} {
			if strings.Contains(text, secret) {
				f.Errorf("%s is in %s", secret, text)
			}
		}
	}
}
