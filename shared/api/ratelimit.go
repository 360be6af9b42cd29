package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// CodeTooManyRequests is the code of every 429.
const CodeTooManyRequests = "too_many_requests"

// RateLimit is how often something may be done.
type RateLimit struct {
	// Name tells limits apart: lower case, digits and hyphens.
	Name string
	// Quota is how often within each Window, which is whole seconds.
	Quota  int
	Window time.Duration
}

// TooManyRequests returns the 429 that says when to come again, by Retry-After
// and by RateLimit and RateLimit-Policy
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, version
// 10). Remaining is what is left of the quota, and reset how long until there is
// more of it, rounded up to a second: who comes at that time must not be early.
func TooManyRequests(limit RateLimit, remaining int, reset time.Duration) *Problem {
	seconds := int64(max((reset+time.Second-1)/time.Second, 1))
	return NewProblem(http.StatusTooManyRequests, CodeTooManyRequests, "That is too often. Try again in %d s.", seconds).
		WithHeader("Retry-After", strconv.FormatInt(seconds, 10)).
		WithHeader("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", limit.Name, max(remaining, 0), seconds)).
		WithHeader("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", limit.Name, limit.Quota, int64(limit.Window/time.Second)))
}
