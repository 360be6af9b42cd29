package cloudrun

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"souk/emulators/transport"
	"souk/shared/api"
)

// maxTries is the number of instances that a request may be sent to, besides all that may
// have died before: the one that died during the request, and the next.
const maxTries = 2

// deathDelay is how long to wait for the end of a process after its connection broke. It
// takes about 1 ms; a client only waits longer if an instance aborts connections without
// ending.
const deathDelay = 250 * time.Millisecond

// newProxy returns the handler of the service's URL.
func (s *service) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:      rewrite,
		Transport:    &front{s},
		BufferPool:   buffers,
		ErrorHandler: s.abort,
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

// roundTrip returns the response of an instance. It repeats a request if no instance
// accepted it, or if it is idempotent and its instance ended without a response.
func (s *service) roundTrip(r *http.Request) (*http.Response, error) {
	sent := false
	for try := 1; ; try++ {
		begin := time.Now()
		backend, err := s.acquire(r.Context())
		if err != nil {
			return nil, err
		}
		inst := backend.Value
		s.recordWait(r, begin, inst)
		response, err := inst.send(r)
		if err == nil {
			response.Body = &countedBody{ReadCloser: response.Body, request: r, done: func() { s.release(backend) }}
			return response, nil
		}
		if _, ours := errors.AsType[*unreadable](err); ours || r.Context().Err() != nil {
			s.abandon(backend)
			return nil, err
		}
		// An instance that is dead, or does not listen any more, leaves the pool before its
		// room is given to a waiting request.
		unsent := transport.IsDial(err)
		if unsent || inst.died() {
			s.retire(inst)
		}
		s.abandon(backend)
		if retry := unsent || idempotent(r) && !sent; !retry || try == maxTries+s.settings.Max {
			return nil, err
		}
		sent = sent || !unsent
	}
}

// sentBody is a request's body, open for the next attempt after Close.
type sentBody struct {
	io.Reader
	failed atomic.Pointer[error]
}

// Read reads from the client.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.Store(&err)
	}
	return n, err
}

// Close does nothing.
func (*sentBody) Close() error { return nil }

// err returns why the client's body could not be read, or nil.
func (b *sentBody) err() error {
	if b == nil {
		return nil
	}
	if err := b.failed.Load(); err != nil {
		return &unreadable{*err}
	}
	return nil
}

// unreadable is the error of a request whose body could not be read from the client.
type unreadable struct{ cause error }

func (u *unreadable) Error() string { return "read the body of a request: " + u.cause.Error() }
func (u *unreadable) Unwrap() error { return u.cause }

// send sends a request to the instance. It leaves the request's body open for the next
// attempt.
func (i *instance) send(r *http.Request) (*http.Response, error) {
	to := *r.URL
	to.Host = i.address
	out := r.WithContext(r.Context())
	out.URL = &to
	var body *sentBody
	if r.Body != nil && r.Body != http.NoBody {
		body = &sentBody{Reader: r.Body}
		out.Body = body
	}
	response, err := i.transport.RoundTrip(out)
	if err != nil {
		return nil, cmp.Or(body.err(), err)
	}
	return response, nil
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

// abort ends a request whose client has disconnected or sent an unreadable body. Every other
// request has a response.
func (s *service) abort(w http.ResponseWriter, r *http.Request, err error) {
	s.log.DebugContext(r.Context(), "the client did not send its whole request", "method", r.Method, "error", err)
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	api.UnreadableBody(err).Write(w, r)
}

// countedBody calls done when a response has been forwarded.
type countedBody struct {
	io.ReadCloser
	request *http.Request
	once    sync.Once
	done    func()
}

// Close ends the request, whose body it closes.
func (b *countedBody) Close() error {
	defer b.once.Do(b.done)
	return errors.Join(b.ReadCloser.Close(), closeBody(b.request))
}

// buffers are reused for forwarding responses.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[32 << 10]byte)(b)) }
