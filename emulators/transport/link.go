package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

// link is a connection with at most one request at a time.
type link struct {
	net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	idleAt time.Time
	// reused is whether the connection was idle before the exchange.
	reused bool
	// sent is whether a byte of the request was written.
	sent bool
	// readable is the number of bytes that may still be read from the connection.
	readable int64
	// unwatch ends watch, and reports whether the context has not ended.
	unwatch func() bool
}

func newLink(conn net.Conn) *link {
	l := &link{Conn: conn}
	l.in, l.out = bufio.NewReader(l), bufio.NewWriter(l)
	return l
}

// Read reads from the connection, up to the limit.
func (l *link) Read(p []byte) (int, error) {
	if l.readable <= 0 {
		return 0, errLongHeader
	}
	n, err := l.Conn.Read(p[:min(int64(len(p)), l.readable)])
	l.readable -= int64(n)
	return n, err
}

// Write writes to the connection.
func (l *link) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.sent = l.sent || n > 0
	return n, err
}

// exchange sends a request and reads the header of its response, until the context ends. It
// closes the connection after an error.
func (l *link) exchange(r *http.Request, payload []byte) (*http.Response, error) {
	ctx := r.Context()
	l.unwatch = context.AfterFunc(ctx, func() { _ = l.Close() })
	l.sent, l.readable = false, maxHeader
	err := l.send(r, payload)
	if err == nil {
		var response *http.Response
		if response, err = l.receive(r); err == nil {
			l.readable = math.MaxInt64
			return response, nil
		}
	}
	l.close()
	return nil, err
}

// close closes the connection after an error.
func (l *link) close() {
	l.unwatch()
	_ = l.Close() // the error is that of the exchange
}

func (l *link) send(r *http.Request, payload []byte) error {
	if len(payload) > 0 {
		out := *r
		out.Body = io.NopCloser(bytes.NewReader(payload))
		r = &out
	}
	if err := r.Write(l.out); err != nil {
		return err
	}
	return l.out.Flush()
}

func (l *link) receive(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	for {
		response, err := http.ReadResponse(l.in, r)
		switch {
		case err != nil:
			return nil, err
		case response.StatusCode < http.StatusContinue:
			return nil, fmt.Errorf("malformed status %q", response.Status)
		case response.StatusCode >= http.StatusOK:
			return response, nil
		case response.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the server switched protocols")
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// repeatable reports whether a request may be sent again after an error, because the server may
// have closed the idle connection before it read the request: nothing was sent, or the method is
// safe and nothing was received. Unlike http.Transport, it ignores an Idempotency-Key: not every
// function with a POST method stores the keys.
func (l *link) repeatable(r *http.Request) bool {
	if !l.reused || r.Context().Err() != nil || l.readable < maxHeader {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return !l.sent
}
