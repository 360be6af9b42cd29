// Package relay adds to pushes what Google's Pub/Sub emulator leaves out: the token
// that authenticates Pub/Sub, the filters of subscriptions, and a fast retry after a failure. The emulator accepts
// the configuration of push tokens, but sends none. With the relay, functions verify
// pushes as in the cloud (docs/adr/0019).
package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"souk/emulators/balance"
	"souk/emulators/identity"
	"souk/shared/event"
	"souk/shared/manifest"
)

// Options configures a relay.
type Options struct {
	Manifest *manifest.Manifest
	// Endpoint returns the URL to which a function's messages are forwarded.
	Endpoint func(manifest.Function) string
	// Audience returns the audience of a function's tokens.
	Audience func(manifest.Function) string
	// ServiceAccount is the email in the tokens.
	ServiceAccount string
	// Tokens issues the tokens and serves the keys to verify them.
	Tokens *identity.Issuer
	// Transport sends the messages. The caller closes it.
	Transport http.RoundTripper
	// Retries are the delays before each retry of a failed push. Pub/Sub receives only
	// the last status: Google's emulator redelivers only after minutes once a message
	// has failed three times, regardless of the retry policy.
	Retries []time.Duration
	// Logger receives warnings about failed pushes.
	Logger *slog.Logger
}

// New returns a new handler for pushes: messages of a function are pushed to /NAME, and
// the function's status is returned. The handler also serves the issuer's documents. The
// error names every function without an endpoint.
func New(options Options) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /", options.Tokens)
	var errs []error
	for _, f := range options.Manifest.Functions {
		if len(f.Topics()) == 0 {
			continue
		}
		to, err := url.Parse(options.Endpoint(f))
		if err != nil || to.Host == "" {
			errs = append(errs, errors.Join(err, fmt.Errorf("function %s: the endpoint is not a URL", f.Name)))
			continue
		}
		mux.Handle("POST /"+f.Name, options.forward(f, to))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return mux, nil
}

// forward returns a handler that sends messages to a function and returns its status. It
// retries server errors, and pushes to a busy function, after each of the delays.
func (o Options) forward(f manifest.Function, to *url.URL) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log := o.Logger.With("function", f.Name)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxPushBytes))
		if err != nil {
			log.WarnContext(r.Context(), "read a push", "error", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if !accepts(f.Filter, body) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		status, err := o.push(r, f, to, body)
		for _, delay := range o.Retries {
			if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
				break
			}
			select {
			case <-time.After(delay):
				status, err = o.push(r, f, to, body)
			case <-r.Context().Done():
				return // Pub/Sub has cancelled the push and will redeliver the message.
			}
		}
		if err != nil {
			log.WarnContext(r.Context(), "forward a push", "error", err)
		}
		w.WriteHeader(status)
	})
}

// accepts reports whether a function with this filter receives a push: Google's emulator stores
// the filters of subscriptions and delivers all messages. It passes on what it cannot read, for
// the function to refuse it.
func accepts(filter manifest.Filter, body []byte) bool {
	if len(filter) == 0 {
		return true
	}
	var push struct {
		Message struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	return json.Unmarshal(body, &push) != nil || filter.Accepts(push.Message.Attributes)
}

// push sends a message to its function once and returns the status of the response. Without
// a response, that is 429 if all replicas are busy, and 503 otherwise.
func (o Options) push(r *http.Request, f manifest.Function, to *url.URL, body []byte) (status int, err error) {
	token, err := o.Tokens.Token(o.ServiceAccount, o.Audience(f))
	if err != nil {
		return http.StatusInternalServerError, err
	}
	out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError, fmt.Errorf("create a push request: %w", err)
	}
	out.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	out.Header.Set("Authorization", "Bearer "+token)
	response, err := o.Transport.RoundTrip(out)
	if balance.IsBusy(err) {
		return http.StatusTooManyRequests, err
	}
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	// Pub/Sub ignores the body of the response.
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}
