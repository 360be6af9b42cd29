package function

import (
	"log/slog"
	"net/http"

	"souk/shared/api"
)

// absent responds for a function that this image does not have yet. Terraform creates
// the Cloud Run service of a new function with an image from before it, and would fail
// if that did not start. Clients and Pub/Sub try again; the next rollout brings the
// function: docs/rollout.md.
func absent(target string) http.Handler {
	slog.Warn("this image does not have the function yet: all requests get 503 until a rollout brings it", "function", target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Unavailable("This operation is new and not there yet.").Write(w, r)
	})
}
