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

// maxTries bounds how many instances a request may meet: the one that died under
// it, one that died while we looked for the next, and the next.
const maxTries = 3

// deathDelay is how long we wait to hear of a process's death after its
// connection broke. It takes about 1 ms; only an
// instance that lives on and breaks connections off makes a client wait longer.
const deathDelay = 250 * time.Millisecond

// newProxy returns the handler behind the service's URL.
func (s *service) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:      rewrite,
		Transport:    &balancer{s},
		BufferPool:   buffers,
		ErrorHandler: s.refuse,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// rewrite passes a request on as it came. Who may call a service's URL is trusted:
// the gateway, which has told where a request comes from, and Pub/Sub, which has
// not.
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

// balancer sends a request to an instance, starting one if there is none.
type balancer struct{ *service }

// RoundTrip answers from an instance. A request is sent again when it reached
// nobody, or when it is idempotent and its instance gave no answer.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := false
	for try := 1; ; try++ {
		inst, err := b.acquire(r.Context())
		if err != nil {
			return nil, err
		}
		answer, err := inst.send(r)
		if err == nil {
			answer.Body = &countedBody{ReadCloser: answer.Body, done: func() { b.release(inst, true) }}
			return answer, nil
		}
		b.release(inst, false)
		if r.Context().Err() != nil {
			return nil, err
		}
		// When nobody listens it is dead, or on its way out by itself.
		refused := errors.Is(err, syscall.ECONNREFUSED)
		if refused || inst.died() {
			b.retire(inst)
		}
		if again := refused || idempotent(r) && !sent; !again || try == maxTries {
			return nil, err
		}
		sent = sent || !refused
	}
}

// send tries one instance. It leaves the request's body open, for the next try.
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

// died tells whether the process that broke a connection is gone. A dying process
// may close its connections before its listener, so to ask right away is too
// early: the next request would run into it as well.
func (i *instance) died() bool {
	select {
	case <-i.exited:
		return true
	case <-time.After(deathDelay):
		return false
	}
}

// idempotent says whether a request may be sent twice: it only reads, and has no
// body that is half gone.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// refuse answers a request that got no answer from an instance: 503, as Cloud Run
// does (https://cloud.google.com/run/docs/troubleshooting#503).
func (s *service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // The client is gone.
	}
	r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
	s.log.WarnContext(r.Context(), "a request got no answer", "method", r.Method, "error", err)
	if none, ok := errors.AsType[*unavailable](err); ok {
		api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s does not run at the moment. Try again later.", s.function.Name).
			WithHeader("Retry-After", seconds(none.retryAfter)).Write(w, r)
		return
	}
	// What the request did is unknown, so nobody is invited to repeat it.
	api.NewProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s broke off before it answered.", s.function.Name).Write(w, r)
}

// seconds rounds up to what Retry-After takes: whole seconds, one at least.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(max(1, math.Ceil(d.Seconds()))))
}

// countedBody tells when an answer has been passed on.
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

// buffers are what answers are copied through.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }
