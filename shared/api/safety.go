package api

import "net/http"

// Headers that every response of the shop has (OWASP REST Security Cheat Sheet,
// "Security Headers").
const (
	// HeaderContentTypeOptions with NoSniff has browsers believe the Content-Type.
	HeaderContentTypeOptions = "X-Content-Type-Options"
	NoSniff                  = "nosniff"

	headerCacheControl = "Cache-Control"
	noStore            = "no-store"
)

// Protect completes the headers of a response before they are written. A response
// that is not public, or an error, must not be stored by caches.
func Protect(header http.Header, status int, public bool) {
	header.Set(HeaderContentTypeOptions, NoSniff)
	if !public || status >= http.StatusBadRequest {
		header.Set(headerCacheControl, noStore)
	}
}
