package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxBody is the size in bytes of the longest request body that a Host sends itself. It
	// fits into the buffers of a connection, so that sending it does not wait for the server.
	maxBody = 32 << 10
	// maxHeader is the size in bytes of the longest header of a response, with those of the
	// informational responses before it. It is the default of http.Transport.
	maxHeader = 10 << 20
)

var errLongHeader = fmt.Errorf("the header of the response exceeds %d bytes", maxHeader)

// Host is a transport to one server in this machine. It sends a request and reads its response
// in the goroutine of the caller, where http.Transport passes both through two goroutines of
// the connection: that is a third of what a local request costs. Requests with long bodies, or
// those of unknown length, take an http.Transport.
type Host struct {
	address string
	dialer  net.Dialer
	long    *http.Transport

	mu     sync.Mutex
	idle   []*link // the one used last at the end
	pruner *time.Timer
	armed  bool
}

// NewHost returns a new transport to a host:port, whose connections must be accepted within
// dialTimeout. It ignores the host of a request's URL.
func NewHost(address string, dialTimeout time.Duration) *Host {
	h := &Host{address: address, dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}, long: New(dialTimeout)}
	h.pruner = time.AfterFunc(idleTimeout, h.prune)
	h.pruner.Stop()
	return h
}

// RoundTrip returns the response to a request.
func (h *Host) RoundTrip(r *http.Request) (*http.Response, error) {
	if !isShort(r) {
		return h.long.RoundTrip(r)
	}
	l, err := h.take(r.Context())
	if err != nil {
		return nil, errors.Join(err, closeBody(r))
	}
	payload, err := readBody(r)
	if err != nil {
		h.put(l) // nothing was sent
		return nil, err
	}
	response, err := l.exchange(r, payload)
	if err != nil && l.repeatable(r) {
		// An error of this dial is not returned: it would mean that nothing was sent.
		if fresh, dialErr := h.dial(r.Context()); dialErr == nil {
			l = fresh
			response, err = l.exchange(r, payload)
		}
	}
	if err != nil {
		if cause := r.Context().Err(); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("request to %s: %w", h.address, err)
	}
	response.Request = r
	body := &linkBody{ReadCloser: response.Body, host: h, link: l, reusable: !response.Close && !r.Close}
	if response.Body == http.NoBody {
		body.end(true)
	} else {
		response.Body = body
	}
	return response, nil
}

// isShort reports whether a Host sends a request itself.
func isShort(r *http.Request) bool {
	hasBody := r.Body != nil && r.Body != http.NoBody
	for _, name := range []string{"Expect", "Upgrade", "Trailer"} {
		if _, set := r.Header[name]; set {
			return false
		}
	}
	return r.Method != http.MethodConnect && len(r.TransferEncoding) == 0 && len(r.Trailer) == 0 &&
		r.ContentLength >= 0 && r.ContentLength <= maxBody && hasBody == (r.ContentLength > 0)
}

// readBody reads and closes the body of a request. So a client that does not send its body has
// no part in the exchange with the server.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	payload := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, payload)
	return payload, errors.Join(err, r.Body.Close())
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// linkBody is the body of a response. Its end releases the connection.
type linkBody struct {
	io.ReadCloser
	host     *Host
	link     *link
	reusable bool
	once     sync.Once
}

// Read reads the body.
func (b *linkBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(errors.Is(err, io.EOF))
	}
	return n, err
}

// Close closes the connection unless the body has been read.
func (b *linkBody) Close() error {
	b.end(false)
	return nil
}

func (b *linkBody) end(complete bool) {
	b.once.Do(func() {
		if complete && b.reusable && b.link.unwatch() && b.link.in.Buffered() == 0 {
			b.host.put(b.link)
		} else {
			b.link.close()
		}
	})
}
