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

// forgeable are headers (with a * at the end: all that begin so) by which the cloud
// tells a function what it has checked itself. From a client they are lies.
var forgeable = []string{
	// X-Forwarded-For is not among them: the load balancer keeps what the client
	// wrote there, and so does the gateway, for functions to meet it here too.
	"Forwarded", "X-Forwarded-*", "X-Real-Ip", "True-Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Envoy-*",
	"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override",
	"X-Serverless-Authorization", "X-Goog-*", "X-Google-*", "X-Cloud-Trace-Context",
	"X-Cloudscheduler*", "X-Cloudtasks-*", "X-Appengine-*", "Ce-*", "Function-Execution-Id",
	// The trace is continued, see telemetry; what rides on it is not.
	"Traceparent", "Tracestate", "Baggage",
	// No function changes the protocol. The proxy drops every other header that
	// is meant for one hop (RFC 9110, section 7.6.1) by itself.
	"Connection", "Upgrade", "Http2-Settings", "Te",
}

var forgeableNames, forgeablePrefixes = splitForgeable()

func splitForgeable() (names map[string]bool, prefixes []string) {
	names = map[string]bool{}
	for _, header := range forgeable {
		if prefix, is := strings.CutSuffix(header, "*"); is {
			prefixes = append(prefixes, prefix)
		} else {
			names[header] = true
		}
	}
	return names, prefixes
}

// isForgeable expects a name in canonical form, as net/http's server makes it. A
// name that some server could take for a forgeable one, X_Forwarded_For, is too.
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

// rewrite makes the request that the function gets out of the client's. The host
// stays the client's, as behind the cloud's load balancer.
func rewrite(r *httputil.ProxyRequest, backend *url.URL) {
	r.Out.URL.Scheme, r.Out.URL.Host = backend.Scheme, backend.Host
	// Nothing here decides by the query, so it goes on as it came.
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for name := range r.Out.Header {
		if isForgeable(name) {
			delete(r.Out.Header, name)
		}
	}
	sent := r.In.Header["X-Forwarded-For"]
	r.SetXForwarded()
	api.AppendClient(r.Out.Header, sent, peerOf(r.In), ownAddress(r.In))
	telemetry.ToHeader(r.In.Context(), r.Out.Header)
	r.Out.Header.Set(api.HeaderRequestID, visitOf(r.In).requestID)
}

// peerOf is the address of whoever is connected.
func peerOf(r *http.Request) netip.Addr {
	return api.ClientAddress(&http.Request{RemoteAddr: r.RemoteAddr}, 0)
}

// ownAddress is the gateway's address on the client's connection.
func ownAddress(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	return api.ClientAddress(&http.Request{RemoteAddr: local.String()}, 0)
}

// clean takes out of a function's answer what the gateway says itself.
func clean(answer *http.Response) error {
	answer.Header.Del(api.HeaderRequestID)
	return nil
}
