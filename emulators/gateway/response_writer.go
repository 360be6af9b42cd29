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
)

// statusClientClosed is the logged status of a request whose client disconnected before the
// response. HTTP has none; nginx uses the same.
const statusClientClosed = 499

// responseWriter is the response to a request, with the state for its log entry.
type responseWriter struct {
	http.ResponseWriter
	requestID string
	// own are the headers that the gateway adds to the response. They are added last:
	// the proxy clears the header map when the function announces its response (1xx).
	own      http.Header
	function string // "" if no route matched
	route    string
	status   int
	err      error // why the function did not respond
	// expectsContinue reports whether the client waits for a 100 before it sends the
	// body.
	expectsContinue bool

	bodyMu  sync.Mutex
	bodyErr error
}

type writerKey struct{}

// writerFrom returns the responseWriter of a request that was received by ServeHTTP.
func writerFrom(r *http.Request) *responseWriter {
	return r.Context().Value(writerKey{}).(*responseWriter)
}

// ServeHTTP routes a request and logs its outcome.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id, err := api.RequestID(r.Header)
	if err != nil {
		g.options.Logger.ErrorContext(r.Context(), "create a request id", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	rw := &responseWriter{ResponseWriter: w, requestID: id, own: http.Header{}, expectsContinue: r.Header.Get("Expect") != ""}
	rw.own.Set(api.HeaderRequestID, id)
	rw.own.Set(api.HeaderContentTypeOptions, api.NoSniff)
	tracer := g.options.Tracer
	if r.URL.Path == LivenessPath {
		tracer = nil // health checks would hide the other traces
	}
	traced, request := tracer.Request(r.Context(), r.Header)
	ctx := context.WithValue(traced, writerKey{}, rw)
	defer func() {
		cause := recover()
		if cause != nil && rw.err == nil && rw.status != statusClientClosed {
			rw.err = fmt.Errorf("incomplete response: %v", cause)
		}
		g.log(ctx, rw, r, time.Since(begin))
		endTrace(request, rw, r)
		if cause != nil {
			panic(cause) // net/http closes the connection, which the client notices
		}
	}()
	g.options.Hosts.Handler(http.HandlerFunc(g.route)).ServeHTTP(rw, r.WithContext(ctx))
}

// route responds to a request with an allowed host.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	if !g.allowOrigin(writerFrom(r), r) {
		g.router.ServeHTTP(w, r)
	}
}

// log writes the log entry of a request. It has the route, but not the path and the query,
// which may contain secrets or personal data.
func (g *Gateway) log(ctx context.Context, rw *responseWriter, r *http.Request, took time.Duration) {
	level := g.options.RequestLevel
	if rw.err != nil {
		level = max(level, slog.LevelWarn)
	}
	handler := g.options.Logger.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", rw.route), slog.String("function", rw.function),
		slog.Int("status", rw.status), slog.Float64("latencyMs", float64(took.Microseconds())/1000),
		slog.String("requestId", rw.requestID),
	}
	if rw.err != nil {
		attributes = append(attributes, slog.String("error", rw.err.Error()))
	}
	// A Logger would look up the line of code, which no log of the emulators has.
	record := slog.NewRecord(time.Now(), level, "request", 0)
	record.AddAttrs(attributes...)
	_ = handler.Handle(ctx, record) // like a Logger: where could its error be logged?
}

// WriteHeader records the status for the log and adds the gateway's own headers to a
// final response.
//
// Informational responses of the function are not sent to a client that waits for a 100:
// the server writes that itself when the proxy reads the body, which it does in another
// goroutine, and net/http does not order the two writes.
func (rw *responseWriter) WriteHeader(status int) {
	if rw.expectsContinue && status < http.StatusOK && status != http.StatusSwitchingProtocols {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		rw.status = status
		rw.addOwn(rw.Header())
	}
	rw.ResponseWriter.WriteHeader(status)
}

func (rw *responseWriter) addOwn(header http.Header) {
	shared := api.IsShared(header)
	for name, values := range rw.own {
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
func (rw *responseWriter) Write(b []byte) (int, error) {
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	return rw.ResponseWriter.Write(b)
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (rw *responseWriter) Unwrap() http.ResponseWriter { return rw.ResponseWriter }

// clientBody is the body of a client's request. It records read errors, to distinguish an
// error of the client from one of the function.
type clientBody struct {
	io.ReadCloser
	rw *responseWriter
}

// Read reads the body, up to the limit.
func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.rw.bodyMu.Lock()
		defer b.rw.bodyMu.Unlock()
		b.rw.bodyErr = err
	}
	return n, err
}

func (rw *responseWriter) bodyError() error {
	rw.bodyMu.Lock()
	defer rw.bodyMu.Unlock()
	return rw.bodyErr
}
