// Package relay does for Google's Pub/Sub emulator what that leaves out of a push:
// the token by which a function knows that Pub/Sub calls it. The emulator takes
// the configuration of push tokens, and sends none; the functions' own check
// stays as it is in the cloud (docs/adr/0015).
package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

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
	// Logger hears of functions that could not be reached.
	Logger *slog.Logger
}

// New returns the handler that Pub/Sub pushes to, a function's messages to
// /NAME. What the function answers is passed back as it is. Next to that it serves
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

// forward passes a function's messages on to it.
func (o Options) forward(f manifest.Function, to *url.URL) http.Handler {
	audience := o.Audience(f)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL, r.Out.Host = to, ""
		},
		Transport: o.Transport,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			o.Logger.WarnContext(r.Context(), "a message did not reach its function", "function", f.Name, "error", err)
			w.WriteHeader(http.StatusServiceUnavailable) // Pub/Sub will come again.
		},
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := o.Tokens.Token(o.ServiceAccount, audience)
		if err != nil {
			o.Logger.ErrorContext(r.Context(), "sign a push", "function", f.Name, "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.Header.Set("Authorization", "Bearer "+token)
		proxy.ServeHTTP(w, r)
	})
}
