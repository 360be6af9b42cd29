// Package gateway is a local replacement for the cloud's load balancer and its URL map. It
// routes requests by the manifest of functions, removes headers that only the cloud may
// set, and gives every request a trace and an id. Functions that are triggered by events or
// schedules are not reachable through it.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"souk/emulators/balance"
	"souk/emulators/hostcheck"
	"souk/shared/api"
	"souk/shared/health"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// LivenessPath is the health check: it responds with 200 while the gateway runs.
const LivenessPath = health.Path

// replicaWait is how long a request waits for a replica of its function. Cloud Run waits
// for an instance to start for 10 s or more.
const replicaWait = 5 * time.Second

// longBody is the size in bytes above which a body gets a longer read timeout.
const longBody = 1 << 20

// Options configures a gateway. Zero limits have the given defaults.
type Options struct {
	Manifest *manifest.Manifest
	// Backend returns the URL of a function: scheme and host, no path.
	Backend func(function string) string
	// Transport returns the way to a function in this process, which Backend's URL is then
	// only a name for. Nil: by the network, to the replicas of the URL's host.
	Transport func(function string) http.RoundTripper
	// OpenAPI is served at OpenAPIPath, and as a page at DocsPath; nil serves neither.
	OpenAPI []byte
	// Links are shown on the page at /, in addition to the gateway's own.
	Links []Link
	// Logger receives a line for each request at RequestLevel, or as a warning if the
	// function did not respond. Nil discards them.
	Logger       *slog.Logger
	RequestLevel slog.Level
	// Tracer records sampled requests; nil records none.
	Tracer *telemetry.Tracer
	// Origins are those whose scripts may read responses in a browser (CORS), as returned
	// by ParseOrigins: none.
	Origins []string
	// Tokens identify the gateway to functions on Cloud Run that IAM guards: requests
	// reach them under their own host name, by HTTPS, and with the client's address alone
	// in X-Forwarded-For. Nil: functions are processes or containers that trust it.
	Tokens TokenSource
	// Hosts are allowed host names in addition to those of this machine.
	Hosts hostcheck.Hosts
	// Timeout is the time in which a function must respond: 60 s. It must be longer than
	// any wait that a client may request.
	Timeout time.Duration
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Gateway is the handler of all routes. Callers must close it after use.
type Gateway struct {
	options   Options
	router    *api.Router
	transport idleTransport
}

// idleTransport is what sends requests to functions.
type idleTransport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// New returns a new gateway to the HTTP functions of the manifest. The error names every
// function with an invalid route or URL.
func New(options Options) (*Gateway, error) {
	g := &Gateway{options: options.withDefaults(), router: api.NewRouter()}
	g.transport = balance.New(balance.Options{Wait: replicaWait, Concurrency: balance.Concurrency(options.Manifest, g.backend)})
	if options.Tokens != nil {
		g.transport = newIdentified(options.Tokens)
	}
	g.router.Handle("GET "+LivenessPath, http.HandlerFunc(serveHealth))
	if err := g.addHome(); err != nil {
		return nil, err
	}
	if options.OpenAPI != nil {
		if err := g.addDocs(options.OpenAPI); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, function := range options.Manifest.Functions {
		if function.HTTP == "" {
			continue
		}
		if err := g.addRoute(function); err != nil {
			errs = append(errs, fmt.Errorf("route to %s: %w", function.Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// backend returns the URL of a function that clients call, "" for others.
func (g *Gateway) backend(f manifest.Function) string {
	if f.HTTP == "" {
		return ""
	}
	return g.options.Backend(f.Name)
}

func (g *Gateway) addRoute(function manifest.Function) (err error) {
	backend, err := url.Parse(g.options.Backend(function.Name))
	if err != nil {
		return fmt.Errorf("parse its URL: %w", err)
	}
	if backend.Host == "" || backend.Scheme != "http" && backend.Scheme != "https" {
		return fmt.Errorf("need a URL such as http://127.0.0.1:8081, got %q", backend)
	}
	transport := http.RoundTripper(g.transport)
	if g.options.Transport != nil {
		transport = g.options.Transport(function.Name)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        g.rewriter(backend),
		ModifyResponse: removeOwnHeaders,
		Transport:      transport,
		BufferPool:     buffers,
		ErrorHandler:   writeError,
		ErrorLog:       slog.NewLogLogger(g.options.Logger.Handler(), slog.LevelDebug),
	}
	// The mux panics on a malformed or conflicting pattern.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("pattern %q: %v", function.HTTP, cause)
		}
	}()
	g.router.Handle(function.HTTP, g.forward(function, proxy))
	return nil
}

// rewriter returns the function that rewrites a client's request for a function.
func (g *Gateway) rewriter(backend *url.URL) func(*httputil.ProxyRequest) {
	return func(r *httputil.ProxyRequest) {
		rewrite(r, backend)
		if g.options.Tokens != nil {
			toCloudRun(r)
		}
	}
}

// forward returns a handler that sends requests to a function, within the limits.
func (g *Gateway) forward(function manifest.Function, proxy http.Handler) http.Handler {
	limit := function.BodyLimit()
	long := limit > longBody
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if long {
			// The function processes such a body while it arrives. An error is only
			// possible in tests, where w is not a connection.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.options.Timeout))
		}
		rw := writerFrom(r)
		rw.function, rw.route = function.Name, r.Pattern
		if r.ContentLength > limit {
			rw.err = fmt.Errorf("body of %d bytes exceeds the limit of %d", r.ContentLength, limit)
			api.BodyTooLarge(limit).Write(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), g.options.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		if r.ContentLength != 0 {
			r.Body = &clientBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit), rw: rw}
		}
		proxy.ServeHTTP(w, r)
	})
}

// serveHealth serves GET LivenessPath.
func serveHealth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := fmt.Fprintln(w, "ok"); err != nil {
		slog.DebugContext(r.Context(), "write the response", "error", err)
	}
}

// Close closes the connections to the functions.
func (g *Gateway) Close() { g.transport.CloseIdleConnections() }
