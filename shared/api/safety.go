package api

import (
	"net/http"
	"strings"
)

// Headers that every response of the shop has (OWASP REST Security Cheat Sheet,
// "Security Headers").
const (
	// HeaderContentTypeOptions with NoSniff makes browsers use the Content-Type.
	HeaderContentTypeOptions = "X-Content-Type-Options"
	NoSniff                  = "nosniff"

	headerCacheControl = "Cache-Control"
	noStore            = "no-store"
)

// SetResponseHeaders completes the headers of a response before they are written.
// cacheControl is what caches may do with a successful response, "" for nothing. Errors are never
// stored. What caches may share carries no id of the request that it was made for.
func SetResponseHeaders(header http.Header, status int, cacheControl string) {
	header.Set(HeaderContentTypeOptions, NoSniff)
	if cacheControl == "" || status >= http.StatusBadRequest {
		cacheControl = noStore
	}
	header.Set(headerCacheControl, cacheControl)
	if IsShared(header) {
		header.Del(HeaderRequestID)
	}
}

// IsShared reports whether Cache-Control lets a shared cache store the response.
func IsShared(header http.Header) bool {
	for directive := range strings.SplitSeq(header.Get(headerCacheControl), ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "public") {
			return true
		}
	}
	return false
}
