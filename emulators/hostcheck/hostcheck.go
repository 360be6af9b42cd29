// Package hostcheck protects the servers of a local system from DNS rebinding. A web page
// may point its own name at 127.0.0.1 after it was loaded: for the browser it then has the
// same origin as the local server and may read its responses. Such requests are recognized
// by the name in the Host header. Requests of pages of other origins, which may not read responses but
// could change something, are recognized by IsForeign.
package hostcheck

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"souk/shared/api"
	"souk/shared/telemetry"
)

const (
	// Flag is the command-line flag for allowed names in addition to those of this
	// machine.
	Flag = "allowed-hosts"
	// Variable is the environment variable that applies without the flag.
	Variable = "ALLOWED_HOSTS"

	// everyName allows all names.
	everyName = "*"
)

// Hosts are the allowed host names and addresses. Loopback addresses, localhost and the
// names below it (RFC 6761, section 6.3) are always allowed.
type Hosts []string

// namePattern matches a host name or an IPv4 address in a URL.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)

// Parse parses a list such as "shop.test, 192.168.1.7", or "*" for all names. Ports are not
// allowed.
func Parse(list string) (Hosts, error) {
	var hosts Hosts
	for host := range strings.SplitSeq(list, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		name := normalize(host)
		if _, err := netip.ParseAddr(name); err != nil && name != everyName && !namePattern.MatchString(name) {
			return nil, fmt.Errorf("host %q: need * or a host name or address without a port, such as shop.test", host)
		}
		hosts = append(hosts, name)
	}
	return hosts, nil
}

// Allows reports whether a Host header, with or without a port, is an allowed host.
func (h Hosts) Allows(header string) bool {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	host = normalize(host)
	if address, err := netip.ParseAddr(host); err == nil && address.Unmap().IsLoopback() {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.Contains(h, host) || slices.Contains(h, everyName)
}

// normalize returns a host in lower case, without brackets and without a trailing dot.
func normalize(host string) string {
	if inner, found := strings.CutPrefix(host, "["); found {
		host = strings.TrimSuffix(inner, "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// Handler returns a handler that calls next for allowed hosts and responds with 421 to all
// others.
func (h Hosts) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Allows(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		r = r.WithContext(telemetry.FromHeader(r.Context(), r.Header))
		api.NewProblem(http.StatusMisdirectedRequest, "host_not_allowed",
			"This system does not serve the host name of the request. Use 127.0.0.1 or localhost, or start the system with --%s NAME or %s=NAME.",
			Flag, Variable).Write(w, r)
	})
}
