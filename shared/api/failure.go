package api

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Unavailable returns the 503 for a request that had no effect and may succeed when it
// is sent again.
func Unavailable(detail string) *Problem {
	return NewProblem(http.StatusServiceUnavailable, CodeUnavailable, "%s Try again.", detail).
		WithHeader("Retry-After", "1")
}

// CodeOverloaded is the code of a 503 for a request that was refused before any work.
const CodeOverloaded = "overloaded"

// Overloaded returns the 503 for a request that was refused because the shop has more requests
// than it can serve. retry is the time until it may be served, rounded up to seconds.
func Overloaded(retry time.Duration) *Problem {
	seconds := int64(max((retry+time.Second-1)/time.Second, 1))
	return NewProblem(http.StatusServiceUnavailable, CodeOverloaded, "The shop has more requests than it can serve. Try again in %d s.", seconds).
		WithHeader("Retry-After", strconv.FormatInt(seconds, 10))
}

// BodyTooLarge returns the 413 for a body of more than limit bytes.
func BodyTooLarge(limit int64) *Problem {
	return NewProblem(http.StatusRequestEntityTooLarge, "body_too_large", "The request body is longer than %d bytes.", limit)
}

// UnreadableBody returns the problem for a request body that could not be read: too long
// for its http.MaxBytesReader, too slow, or cut off. The connection is closed after the
// last two.
func UnreadableBody(err error) *Problem {
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return BodyTooLarge(long.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return NewProblem(http.StatusRequestTimeout, "request_timeout", "The request body took too long to arrive.").
			WithHeader("Connection", "close")
	default:
		return NewProblem(http.StatusBadRequest, CodeInvalid, "The request body could not be read completely.").
			WithHeader("Connection", "close")
	}
}
