package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What scripts of another origin may use (https://fetch.spec.whatwg.org/#http-cors-protocol).
// Tokens travel in a header that a script sets itself, so credentials, which the
// browser would add, are not allowed: a page of another origin can do nothing in
// the name of somebody whose token it does not have.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Traceparent, X-Request-Id"
	corsExposed = "ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Trace-Id, WWW-Authenticate, X-Request-Id"
	corsMaxAge  = "7200" // seconds; browsers keep it no longer
)

// ParseOrigins reads a list such as "https://shop.example, http://localhost:3000",
// or "*" for every origin. An origin is a scheme and a host, with a port if it is
// not the scheme's own: what a browser sends as Origin.
func ParseOrigins(list string) ([]string, error) {
	var origins []string
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin == "" {
			continue
		}
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
			origin != strings.ToLower(u.Scheme+"://"+u.Host)) {
			return nil, fmt.Errorf("origin %q: need * or a scheme and a host in lower case, such as https://shop.example", origin)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// allowOrigin lets scripts of the origins that are listed read the answer, and
// answers the question that a browser asks before a request (the preflight). It
// returns true when that was the request.
func (g *Gateway) allowOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(g.options.Origins) == 0 {
		return false
	}
	every := slices.Contains(g.options.Origins, "*")
	if !every {
		w.Header().Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" || !every && !slices.Contains(g.options.Origins, origin):
		return false
	case every:
		origin = "*"
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		w.Header().Set("Access-Control-Expose-Headers", corsExposed)
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", corsMethods)
	w.Header().Set("Access-Control-Allow-Headers", corsHeaders)
	w.Header().Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}
