package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// CodeTooManyRequests is the code of every 429.
const CodeTooManyRequests = "too_many_requests"

// RateLimit describes a limit in the headers of a 429.
type RateLimit struct {
	// Name identifies the limit: lower case, digits and hyphens.
	Name string
	// Quota is the number of requests per Window, which is a whole number of seconds.
	Quota  int
	Window time.Duration
}

// TooManyRequests returns the 429 with Retry-After, RateLimit and RateLimit-Policy
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, version 10).
// Remaining is the unused quota, and reset the time until it increases, rounded up to a
// second so that a client that retries then is not too early.
func TooManyRequests(limit RateLimit, remaining int, reset time.Duration) *Problem {
	seconds := int64(max((reset+time.Second-1)/time.Second, 1))
	return NewProblem(http.StatusTooManyRequests, CodeTooManyRequests, "Too many requests. Try again in %d s.", seconds).
		WithHeader("Retry-After", strconv.FormatInt(seconds, 10)).
		WithHeader("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", limit.Name, max(remaining, 0), seconds)).
		WithHeader("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", limit.Name, limit.Quota, int64(limit.Window/time.Second)))
}
