package gateway

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"

	"souk/shared/api"
	"souk/shared/telemetry"
)

// forgeable are headers, or prefixes that end with *, by which the cloud passes verified
// facts to a function. The gateway removes them from a client's request.
var forgeable = []string{
	// X-Forwarded-For is not included: like the load balancer, the gateway appends to
	// the client's value, so that functions have to deal with it here too.
	"Forwarded", "X-Forwarded-*", "X-Real-Ip", "True-Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Envoy-*",
	"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override",
	"X-Serverless-Authorization", "X-Goog-*", "X-Google-*", "X-Cloud-Trace-Context",
	"X-Cloudscheduler*", "X-Cloudtasks-*", "X-Appengine-*", "Ce-*", "Function-Execution-Id",
	// The trace is continued, see telemetry; its baggage is not.
	"Traceparent", "Tracestate", "Baggage",
	// No function changes the protocol. The proxy itself removes all other hop-by-hop
	// headers (RFC 9110, section 7.6.1).
	"Connection", "Upgrade", "Http2-Settings", "Te",
}

var forgeableNames, forgeablePrefixes = splitForgeable()

func splitForgeable() (names map[string]bool, prefixes []string) {
	names = map[string]bool{}
	for _, header := range forgeable {
		if prefix, found := strings.CutSuffix(header, "*"); found {
			prefixes = append(prefixes, prefix)
		} else {
			names[header] = true
		}
	}
	return names, prefixes
}

// isForgeable reports whether a header name in canonical form, as net/http's server returns
// it, is forgeable. Names that some servers treat alike, such as X_Forwarded_For, are too.
func isForgeable(name string) bool {
	if strings.Contains(name, "_") {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	}
	if forgeableNames[name] {
		return true
	}
	for _, prefix := range forgeablePrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// rewrite turns the client's request into the one for the function. The Host header stays
// the client's, as behind the cloud's load balancer.
func rewrite(r *httputil.ProxyRequest, backend *url.URL) {
	r.Out.URL.Scheme, r.Out.URL.Host = backend.Scheme, backend.Host
	// The gateway does not evaluate the query, so it stays unchanged.
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for name := range r.Out.Header {
		if isForgeable(name) {
			delete(r.Out.Header, name)
		}
	}
	addForwarded(r.Out.Header, r.In)
}

// addForwarded adds the headers that the gateway adds to a client's request: the client's
// address, the URL that it used, the trace and the request's id.
func addForwarded(header http.Header, in *http.Request) {
	protocol := "http"
	if in.TLS != nil {
		protocol = "https"
	}
	header["X-Forwarded-Host"], header["X-Forwarded-Proto"] = []string{in.Host}, []string{protocol}
	api.AppendClient(header, in.Header["X-Forwarded-For"], peerAddress(in), ownAddress(in))
	telemetry.ToHeader(in.Context(), header)
	header.Set(api.HeaderRequestID, writerFrom(in).requestID)
}

// toCloudRun changes a request for a function on Cloud Run, when the gateway itself is one
// of its services. Cloud Run routes by the host name, and its front end appends the address
// that it is called from to X-Forwarded-For. So the client's address is the last entry of
// what the gateway received, and the last but one of what a function receives, as behind the
// load balancer; what the client wrote there itself is left out.
func toCloudRun(r *httputil.ProxyRequest) {
	r.Out.Host = r.Out.URL.Host
	r.Out.Header.Set("X-Forwarded-For", api.ClientAddress(r.In, 0).String())
}

// peerAddress returns the address of the connected client.
func peerAddress(r *http.Request) netip.Addr {
	return plainAddress(netip.ParseAddrPort(r.RemoteAddr))
}

// ownAddress returns the gateway's address on the client's connection.
func ownAddress(r *http.Request) netip.Addr {
	switch local := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return plainAddress(local.AddrPort(), nil)
	case net.Addr:
		return plainAddress(netip.ParseAddrPort(local.String()))
	}
	return netip.Addr{}
}

// plainAddress returns an address in the form that functions compare, or none after an error.
func plainAddress(from netip.AddrPort, err error) netip.Addr {
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}

// removeOwnHeaders removes headers from a function's response that the gateway sets itself.
func removeOwnHeaders(response *http.Response) error {
	response.Header.Del(api.HeaderRequestID)
	return nil
}
