package target

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

const (
	// dialTimeout bounds the connection to one address of a name.
	dialTimeout = 5 * time.Second
	// maxIdle bounds the connections that are open between requests, of all and of each host.
	maxIdle, maxIdlePerHost = 64, 8
	// idleTimeout is how long a connection is open between requests. An instance of Cloud Run has no
	// CPU between requests, so that old connections are likely to be closed by the other side.
	idleTimeout = 20 * time.Second
	// maxHeader is the maximum size of a response's header.
	maxHeader = 64 << 10
)

// ClientOptions are for tests: nil values stand for those of the system.
type ClientOptions struct {
	Resolver *net.Resolver
	RootCAs  *x509.CertPool
}

// NewClient returns a new client whose connections go to allowed addresses only, whatever the name
// of the host is resolved to. It follows no redirects, and returns them as responses. It uses no proxy.
func (p Policy) NewClient(o ClientOptions) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, Control: p.control, Resolver: o.Resolver}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
			MaxIdleConns:    maxIdle, MaxIdleConnsPerHost: maxIdlePerHost, IdleConnTimeout: idleTimeout,
			MaxResponseHeaderBytes: maxHeader, DisableCompression: true, ForceAttemptHTTP2: false,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
