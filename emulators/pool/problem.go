package pool

import (
	"net/http"

	"souk/shared/api"
)

// BusyProblem returns the response to a request of a function that found all instances busy:
// 429, as on Cloud Run (https://cloud.google.com/run/docs/troubleshooting).
func BusyProblem(function string) *api.Problem {
	return api.NewProblem(http.StatusTooManyRequests, api.CodeTooManyRequests, "All instances of %s are busy. Try again later.", function).
		WithHeader("Retry-After", "1")
}
