package cloudrun

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"syscall"
	"time"

	"souk/shared/api"
	"souk/shared/telemetry"
)

// maxTries is the number of instances that a request may be sent to: the one that died
// during the request, one that died before the next attempt, and the next.
const maxTries = 3

// deathDelay is how long to wait for the end of a process after its connection broke. It
// takes about 1 ms; a client only waits longer if an instance aborts connections without
// ending.
const deathDelay = 250 * time.Millisecond

// newProxy returns the handler of the service's URL.
func (s *service) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:      rewrite,
		Transport:    &balancer{s},
		BufferPool:   buffers,
		ErrorHandler: s.writeError,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// rewrite forwards a request with its headers. Callers of a service's URL are trusted: the
// gateway, which sets the client's address, and Pub/Sub, which does not.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.SetXForwarded()
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if first, set := r.In.Header[name]; set {
			r.Out.Header[name] = first
		}
	}
}

// balancer sends a request to an instance and starts one if necessary.
type balancer struct{ *service }

// RoundTrip returns the response of an instance. It repeats a request if no instance
// accepted it, or if it is idempotent and its instance ended without a response.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := false
	for try := 1; ; try++ {
		inst, err := b.acquire(r.Context())
		if err != nil {
			return nil, err
		}
		response, err := inst.send(r)
		if err == nil {
			response.Body = &countedBody{ReadCloser: response.Body, done: func() { b.release(inst, true) }}
			return response, nil
		}
		b.release(inst, false)
		if r.Context().Err() != nil {
			return nil, err
		}
		// If the process does not listen, it is dead or about to end.
		refused := errors.Is(err, syscall.ECONNREFUSED)
		if refused || inst.died() {
			b.retire(inst)
		}
		if retry := refused || idempotent(r) && !sent; !retry || try == maxTries {
			return nil, err
		}
		sent = sent || !refused
	}
}

// send sends a request to the instance. It leaves the request's body open for the next
// attempt.
func (i *instance) send(r *http.Request) (*http.Response, error) {
	to := *r.URL
	to.Host = i.address
	out := r.WithContext(r.Context())
	out.URL = &to
	if r.Body != nil {
		out.Body = io.NopCloser(r.Body)
	}
	return i.transport.RoundTrip(out)
}

// died reports whether the process that broke a connection has ended. It waits a moment: a
// dying process may close its connections before its listener, and an immediate retry would
// reach it again.
func (i *instance) died() bool {
	select {
	case <-i.exited:
		return true
	case <-time.After(deathDelay):
		return false
	}
}

// idempotent reports whether a request may be sent twice: its method is safe, and it has no
// body that may have been read in part.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// writeError responds with 503 to a request without a response of an instance, as Cloud Run
// does (https://cloud.google.com/run/docs/troubleshooting#503).
func (s *service) writeError(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client has disconnected
	}
	r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
	s.log.WarnContext(r.Context(), "no response to a request", "method", r.Method, "error", err)
	if none, ok := errors.AsType[*unavailable](err); ok {
		api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s is unavailable at the moment. Try again later.", s.function.Name).
			WithHeader("Retry-After", seconds(none.retryAfter)).Write(w, r)
		return
	}
	// The effect of the request is unknown, so no Retry-After invites a repetition.
	api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s ended before it responded.", s.function.Name).Write(w, r)
}

// seconds formats a Retry-After value: rounded up to whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(max(1, math.Ceil(d.Seconds()))))
}

// countedBody calls done when a response has been forwarded.
type countedBody struct {
	io.ReadCloser
	once sync.Once
	done func()
}

// Close ends the request.
func (b *countedBody) Close() error {
	defer b.once.Do(b.done)
	return b.ReadCloser.Close()
}

// buffers are reused for forwarding responses.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }
