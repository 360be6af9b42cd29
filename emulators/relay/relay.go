// Package relay does for Google's Pub/Sub emulator what that leaves out of a push:
// the token by which a function knows that Pub/Sub calls it, and a second try soon
// after a first that failed. The emulator takes the configuration of push tokens,
// and sends none; the functions' own check stays as it is in the cloud
// (docs/adr/0019).
package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"souk/emulators/identity"
	"souk/shared/manifest"
)

// Options say where messages go on to, and as whose.
type Options struct {
	Manifest *manifest.Manifest
	// Endpoint is the URL at which a function takes its messages.
	Endpoint func(manifest.Function) string
	// Audience is whom a function's tokens are for.
	Audience func(manifest.Function) string
	// ServiceAccount is the email in the tokens.
	ServiceAccount string
	// Tokens makes them, and serves the keys to check them.
	Tokens *identity.Issuer
	// Transport carries the messages. Its user closes it.
	Transport http.RoundTripper
	// Retries are the delays after which a function that failed gets the message
	// again, before Pub/Sub hears of it: Google's emulator comes again only after
	// minutes, once a message has failed three times, whatever the retry policy.
	Retries []time.Duration
	// Logger hears of functions that could not be reached.
	Logger *slog.Logger
}

// New returns the handler that Pub/Sub pushes to, a function's messages to
// /NAME. The status that the function answers is passed back. Next to that it serves
// the issuer's documents. Its error names every function without an endpoint.
func New(options Options) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /", options.Tokens)
	var faults []error
	for _, f := range options.Manifest.Functions {
		if len(f.Topics()) == 0 {
			continue
		}
		to, err := url.Parse(options.Endpoint(f))
		if err != nil || to.Host == "" {
			faults = append(faults, errors.Join(err, fmt.Errorf("the endpoint of %s is no URL", f.Name)))
			continue
		}
		mux.Handle("POST /"+f.Name, options.forward(f, to))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return mux, nil
}

// maxPushBytes bounds a push request: Pub/Sub's largest message is 10 MB, and
// base64 makes a third more of it.
const maxPushBytes = 14 << 20

// forward passes a function's messages on to it, and what it answers back. A
// function that fails gets the message again after each of the delays.
func (o Options) forward(f manifest.Function, to *url.URL) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log := o.Logger.With("function", f.Name)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPushBytes))
		if err != nil {
			log.WarnContext(r.Context(), "read a push", "error", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		status, err := o.push(r, f, to, body)
		for _, delay := range o.Retries {
			if status < http.StatusInternalServerError {
				break
			}
			select {
			case <-time.After(delay):
				status, err = o.push(r, f, to, body)
			case <-r.Context().Done():
				return // Pub/Sub has given up: it comes again.
			}
		}
		if err != nil {
			log.WarnContext(r.Context(), "a message did not reach its function", "error", err)
		}
		w.WriteHeader(status)
	})
}

// push sends a message to its function once, and returns what that answered: 503 if
// nothing.
func (o Options) push(r *http.Request, f manifest.Function, to *url.URL, body []byte) (status int, err error) {
	token, err := o.Tokens.Token(o.ServiceAccount, o.Audience(f))
	if err != nil {
		return http.StatusInternalServerError, err
	}
	out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError, fmt.Errorf("make a push: %w", err)
	}
	out.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	out.Header.Set("Authorization", "Bearer "+token)
	answer, err := o.Transport.RoundTrip(out)
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	// What a function says besides its status, Pub/Sub does not read.
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}
