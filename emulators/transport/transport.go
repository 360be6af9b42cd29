// Package transport provides the HTTP transport for calls between the emulators and to
// the functions. All emulators run in one process, where a connection between two of them
// uses two file descriptors, so idle connections are limited in number and time.
package transport

import (
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	// maxIdlePerHost is the limit of idle connections per host. Connections that a burst
	// opened beyond it are closed after their response. In a steady load hardly any
	// connection is idle.
	maxIdlePerHost = 64
	// maxIdle is the limit of idle connections to all hosts.
	maxIdle = 256
	// idleTimeout is shorter than that of any local server, so that a server never closes
	// a connection while a request is being sent.
	idleTimeout = 10 * time.Second
	keepAlive   = 30 * time.Second
)

// New returns a new transport whose connections must be accepted within dialTimeout. It
// ignores the environment's proxy and does not decompress bodies.
func New(dialTimeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext,
		MaxIdleConnsPerHost: maxIdlePerHost,
		MaxIdleConns:        maxIdle,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
	}
}

// IsDial reports whether no connection was established, so that a request was not sent.
func IsDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
