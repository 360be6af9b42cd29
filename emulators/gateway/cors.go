package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// CORS headers for scripts of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol).
// Tokens are in a header that a script sets itself, so credentials, which the browser would
// add, are not allowed: a page of another origin can't act for a user without that user's
// token.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	// terraform/load_balancer.tf has the same (TestOriginsInTheCloud).
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Traceparent, X-Request-Id"
	corsExposed = "ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Trace-Id, WWW-Authenticate, X-Request-Id"
	corsMaxAge  = "7200" // seconds, the maximum of browsers
)

// ParseOrigins parses a list such as "https://shop.example, http://localhost:3000", or "*"
// for every origin. An origin is a scheme and a host, with a port unless it is the scheme's
// default, as in the header Origin of browsers.
func ParseOrigins(list string) ([]string, error) {
	var origins []string
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin == "" {
			continue
		}
		if err := checkOrigin(origin); err != nil {
			return nil, fmt.Errorf("origin %q: %w", origin, err)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	switch {
	case strings.Contains(origin, "*"):
		return errors.New("patterns are not supported: list each origin, or * alone for every one")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || origin != strings.ToLower(u.Scheme+"://"+u.Host):
		return errors.New("need * or a scheme and a host in lower case, such as https://shop.example")
	case strings.HasSuffix(origin, ":") || u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80":
		return errors.New("remove the default port of the scheme, as browsers do")
	}
	return nil
}

// allowOrigin sets the CORS headers for allowed origins, and responds to a preflight request
// of a browser. It reports whether the request was a preflight.
func (g *Gateway) allowOrigin(rw *responseWriter, r *http.Request) (done bool) {
	if len(g.options.Origins) == 0 {
		return false
	}
	every := slices.Contains(g.options.Origins, "*")
	if !every {
		rw.own.Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" || !every && !slices.Contains(g.options.Origins, origin):
		return false
	case every:
		origin = "*"
	}
	rw.own.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		rw.own.Set("Access-Control-Expose-Headers", corsExposed)
		return false
	}
	rw.own.Set("Access-Control-Allow-Methods", corsMethods)
	rw.own.Set("Access-Control-Allow-Headers", corsHeaders)
	rw.own.Set("Access-Control-Max-Age", corsMaxAge)
	rw.WriteHeader(http.StatusNoContent)
	return true
}
