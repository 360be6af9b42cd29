package provider

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// Timeouts of requests. A caller's context may end earlier.
const (
	dialTimeout     = 5 * time.Second
	responseTimeout = 15 * time.Second // until the header of the response
	requestTimeout  = 20 * time.Second
	idleTimeout     = 30 * time.Second
)

// ErrTooLarge is the cause of the error of a response that is too large.
var ErrTooLarge = errors.New("the response is too large")

// NewClient returns a new HTTP client for a provider's API, whose responses have at most maxBody
// bytes. It follows no redirects, because the API key would follow too. Tests replace the
// transport; nil: the network.
func NewClient(transport http.RoundTripper, maxBody int64) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: responseTimeout, IdleConnTimeout: idleTimeout,
		}
	}
	return &http.Client{
		Transport:     bounded{transport, maxBody},
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded is a transport with bounded responses.
type bounded struct {
	next    http.RoundTripper
	maxBody int64
}

// RoundTrip sends a request.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{response.Body, b.maxBody}
	return response, nil
}

// boundedBody is a body that fails after remaining bytes.
type boundedBody struct {
	io.ReadCloser

	remaining int64
}

// Read reads into p.
func (b *boundedBody) Read(p []byte) (int, error) {
	// One more byte shows whether the body ends.
	if int64(len(p)) > b.remaining+1 {
		p = p[:b.remaining+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.remaining {
		n, b.remaining = int(b.remaining), 0
		return n, ErrTooLarge
	}
	b.remaining -= int64(n)
	return n, err
}
