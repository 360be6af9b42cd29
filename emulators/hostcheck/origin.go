package hostcheck

import (
	"net/http"
	"net/url"
)

// IsForeign reports whether a page of another origin sent a request, by its Origin and Fetch Metadata
// headers (https://www.w3.org/TR/fetch-metadata/). A link to a page is no such request.
func IsForeign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || u.Host != r.Host
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate"
	}
	return false
}
