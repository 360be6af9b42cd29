// Package gateway is the front door on a machine without a cloud: what the load
// balancer and its URL map are there. It routes by the list of functions, lets in
// no header that only the cloud may set, and gives every request a trace and an
// id. Functions that events or schedules trigger are not reachable through it.
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
)

// LivenessPath answers 200 while the gateway runs.
const LivenessPath = health.Path

// replicaWait is how long a request waits when its function has no replica: Cloud
// Run has it wait for an instance to start, for 10 s or more.
const replicaWait = 5 * time.Second

// longBody is how many bytes a body may have and still arrive within the time of
// every request.
const longBody = 1 << 20

// Options says where requests go. Zero limits take the defaults named.
type Options struct {
	Manifest *manifest.Manifest
	// Backend returns the URL of a function: scheme and host, no path.
	Backend func(function string) string
	// OpenAPI is served at OpenAPIPath, with a page to read it at DocsPath; nil
	// serves neither.
	OpenAPI []byte
	// Links are shown on the page at /, besides the gateway's own.
	Links []Link
	// Logger gets a line a request at RequestLevel (a request that got no answer
	// from its function: a warning). nil logs nothing.
	Logger       *slog.Logger
	RequestLevel slog.Level
	// Origins are those whose scripts may read answers in a browser (CORS), as
	// ParseOrigins returns them: none.
	Origins []string
	// Hosts are the names that the gateway is called by besides those of this machine.
	Hosts hostcheck.Hosts
	// Timeout is how long a function may take to answer: 60 s. It must be longer
	// than any client may ask to wait for.
	Timeout time.Duration
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Gateway is the handler of all routes. Close it when it serves no more.
type Gateway struct {
	options   Options
	router    *api.Router
	transport *balance.Transport
}

// New returns a gateway to the HTTP functions of the list. Its error names every
// function that can't be routed to.
func New(options Options) (*Gateway, error) {
	g := &Gateway{options: options.withDefaults(), router: api.NewRouter(), transport: balance.New(balance.Options{Wait: replicaWait})}
	g.router.Handle("GET "+LivenessPath, http.HandlerFunc(alive))
	if err := g.addHome(); err != nil {
		return nil, err
	}
	if options.OpenAPI != nil {
		if err := g.addDocs(options.OpenAPI); err != nil {
			return nil, err
		}
	}
	var faults []error
	for _, function := range options.Manifest.Functions {
		if function.HTTP == "" {
			continue
		}
		if err := g.addRoute(function); err != nil {
			faults = append(faults, fmt.Errorf("route to %s: %w", function.Name, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Gateway) addRoute(function manifest.Function) (err error) {
	backend, err := url.Parse(g.options.Backend(function.Name))
	if err != nil {
		return fmt.Errorf("read its URL: %w", err)
	}
	if backend.Host == "" || backend.Scheme != "http" && backend.Scheme != "https" {
		return fmt.Errorf("need a URL such as http://127.0.0.1:8081, got %q", backend)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { rewrite(r, backend) },
		ModifyResponse: clean,
		Transport:      g.transport,
		BufferPool:     buffers,
		ErrorHandler:   refuse,
		ErrorLog:       slog.NewLogLogger(g.options.Logger.Handler(), slog.LevelDebug),
	}
	// The mux tells a malformed pattern, or one that conflicts, by a panic.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("pattern %q: %v", function.HTTP, fault)
		}
	}()
	g.router.Handle(function.HTTP, g.forward(function, proxy))
	return nil
}

// forward sends a request to its function, within the limits.
func (g *Gateway) forward(function manifest.Function, proxy http.Handler) http.Handler {
	limit := function.BodyLimit()
	long := limit > longBody
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if long {
			// Such a body is worked on while it comes. It fails only where w is no
			// connection, as in a test.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.options.Timeout))
		}
		visit := visitOf(r)
		visit.function, visit.route = function.Name, r.Pattern
		if r.ContentLength > limit {
			visit.fault = fmt.Errorf("a body of %d bytes is announced", r.ContentLength)
			api.BodyTooLarge(limit).Write(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), g.options.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		if r.ContentLength != 0 {
			r.Body = &clientBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit), visit: visit}
		}
		proxy.ServeHTTP(w, r)
	})
}

func alive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := fmt.Fprintln(w, "ok"); err != nil {
		slog.DebugContext(r.Context(), "the client left before its answer", "error", err)
	}
}

// Close drops the connections to the functions.
func (g *Gateway) Close() { g.transport.CloseIdleConnections() }
