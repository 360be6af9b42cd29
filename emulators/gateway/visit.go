package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"souk/shared/api"
	"souk/shared/telemetry"
)

// statusClientGone is what the log says of a request whose client left before the
// answer: nginx's number for it, as HTTP has none.
const statusClientGone = 499

// visit is one request on its way through the gateway.
type visit struct {
	http.ResponseWriter
	requestID string
	// own are the headers that the gateway adds to the response. They are added last:
	// the proxy clears the header map when the function announces its response (1xx).
	own      http.Header
	function string // "" when no route matched
	route    string
	status   int
	fault    error // why the function gave no answer
	// expectsContinue reports whether the client waits for a 100 before it sends the
	// body.
	expectsContinue bool

	bodyMu    sync.Mutex
	bodyFault error
}

type visitKey struct{}

// visitOf returns the visit of a request that came in through ServeHTTP.
func visitOf(r *http.Request) *visit {
	return r.Context().Value(visitKey{}).(*visit)
}

// ServeHTTP routes a request and logs what came of it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id, err := api.RequestID(r.Header)
	if err != nil {
		g.options.Logger.ErrorContext(r.Context(), "make a request id", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	v := &visit{ResponseWriter: w, requestID: id, own: http.Header{}, expectsContinue: r.Header.Get("Expect") != ""}
	v.own.Set(api.HeaderRequestID, id)
	v.own.Set(api.HeaderContentTypeOptions, api.NoSniff)
	ctx := context.WithValue(telemetry.FromHeader(r.Context(), r.Header), visitKey{}, v)
	defer func() {
		cause := recover()
		if cause != nil && v.fault == nil && v.status != statusClientGone {
			v.fault = fmt.Errorf("the answer broke off: %v", cause)
		}
		g.log(ctx, v, r, time.Since(begin))
		if cause != nil {
			panic(cause) // net/http closes the connection, so the client sees it too.
		}
	}()
	g.options.Hosts.Handler(http.HandlerFunc(g.route)).ServeHTTP(v, r.WithContext(ctx))
}

// route responds to a request whose host is one of the gateway's.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	if !g.allowOrigin(visitOf(r), r) {
		g.router.ServeHTTP(w, r)
	}
}

// log writes the request log. Path and query stay out of it: the route says
// enough, and what a client writes there may be a secret or somebody's name.
func (g *Gateway) log(ctx context.Context, v *visit, r *http.Request, took time.Duration) {
	level := g.options.RequestLevel
	if v.fault != nil {
		level = max(level, slog.LevelWarn)
	}
	if !g.options.Logger.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", v.route), slog.String("function", v.function),
		slog.Int("status", v.status), slog.Float64("latencyMs", float64(took.Microseconds())/1000),
		slog.String("requestId", v.requestID),
	}
	if v.fault != nil {
		attributes = append(attributes, slog.String("fault", v.fault.Error()))
	}
	g.options.Logger.LogAttrs(ctx, level, "request", attributes...)
}

// WriteHeader records the status for the log and adds the gateway's own headers to a
// final response.
//
// Informational responses of the function do not reach a client that waits for a 100:
// the server writes that itself when the proxy reads the body, which it does in another
// goroutine, and net/http does not order the two writes.
func (v *visit) WriteHeader(status int) {
	if v.expectsContinue && status < http.StatusOK && status != http.StatusSwitchingProtocols {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		v.status = status
		v.addOwn(v.Header())
	}
	v.ResponseWriter.WriteHeader(status)
}

func (v *visit) addOwn(header http.Header) {
	shared := api.IsShared(header)
	for name, values := range v.own {
		if name == api.HeaderRequestID && shared {
			continue // a cache would send it to other clients
		}
		if name == "Vary" {
			values = append(slices.Clone(header[name]), values...)
		}
		header[name] = values
	}
}

// Write writes a part of the body.
func (v *visit) Write(b []byte) (int, error) {
	if v.status == 0 {
		v.WriteHeader(http.StatusOK)
	}
	return v.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

// clientBody is the body of a client's request. It remembers why it could not be
// read, so that a client's fault is not taken for the function's.
type clientBody struct {
	io.ReadCloser
	visit *visit
}

// Read reads the body, up to the limit.
func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.visit.bodyMu.Lock()
		defer b.visit.bodyMu.Unlock()
		b.visit.bodyFault = err
	}
	return n, err
}

func (v *visit) bodyError() error {
	v.bodyMu.Lock()
	defer v.bodyMu.Unlock()
	return v.bodyFault
}
