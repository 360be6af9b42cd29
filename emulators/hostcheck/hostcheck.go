// Package hostcheck keeps web pages of others from the servers of a system on this
// machine. A page may point a name of its own at 127.0.0.1 after it was loaded (DNS
// rebinding): to the browser it is then of the same origin as the server, and may read
// what that responds. The name is still in the Host header, where it gives it away.
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
	// Flag sets the names that are allowed besides those of this machine.
	Flag = "allowed-hosts"
	// Variable does where the flag is not given.
	Variable = "ALLOWED_HOSTS"

	// everyName allows all names.
	everyName = "*"
)

// Hosts are the host names and addresses that servers are called by. Loopback addresses,
// localhost and the names below it (RFC 6761, section 6.3) are always among them.
type Hosts []string

// namePattern is a host name or an IPv4 address, as a URL has it.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)

// Parse reads a list such as "shop.test, 192.168.1.7", or "*" for all names. Ports are
// not part of it.
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

// Allows reports whether a Host header, with or without a port, is one of the hosts.
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

// normalize returns a host in lower case, without brackets and without the dot of the root.
func normalize(host string) string {
	if inner, is := strings.CutPrefix(host, "["); is {
		host = strings.TrimSuffix(inner, "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// Handler passes on the requests for the hosts; all others get 421.
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
