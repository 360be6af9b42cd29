package function

import (
	"log/slog"
	"net/http"

	"souk/shared/api"
)

// notDeployed returns a handler for a function that this image does not have yet. Terraform
// creates the run service of a new function with an older image, and would fail if that did
// not start. Clients and Pub/Sub retry; the next rollout deploys the function:
// docs/rollout.md.
func notDeployed(target string) http.Handler {
	slog.Warn("function is not in this image: responding 503 until a rollout deploys it", "function", target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Unavailable("This operation is not deployed yet.").Write(w, r)
	})
}
