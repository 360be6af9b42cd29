// Package transport has the one HTTP transport that the emulators reach each other and
// the functions by. All of it runs in one process, in which a connection between two
// emulators takes two descriptors: so few are left idle, and not for long.
package transport

import (
	"net"
	"net/http"
	"time"
)

const (
	// maxIdlePerHost are left to a host: what a burst opened beyond them is closed with
	// its response. In a steady load hardly any connection is idle.
	maxIdlePerHost = 64
	// maxIdle are left to all hosts of a transport.
	maxIdle = 256
	// idleTimeout is shorter than that of any server here, so that it is never a server
	// that closes a connection just when a request comes.
	idleTimeout = 10 * time.Second
	keepAlive   = 30 * time.Second
)

// New returns a transport whose connections must be accepted within dialTimeout. It uses
// no proxy of the environment and leaves compressed bodies as they are.
func New(dialTimeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext,
		MaxIdleConnsPerHost: maxIdlePerHost,
		MaxIdleConns:        maxIdle,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
	}
}
