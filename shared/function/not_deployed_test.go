package function

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/shared/health"
	"souk/shared/manifest/manifestfile"
)

// TestNotDeployed starts an image as the run service of a function that it does not have: it must
// pass Cloud Run's probes, or Terraform could not create the service, and must make callers
// retry.
func TestNotDeployed(t *testing.T) {
	t.Parallel()
	m, err := manifestfile.Parse([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	runtime := NewRuntime(Options{Manifest: m, Service: "thing", Target: "thing-new", TargetOptional: true})
	handler, err := NewHandler(runtime, builder(thingGet(), thingKeep(), thingSweep()))
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]int{
		"GET " + health.Path:     http.StatusOK,
		"POST /thing-new":        http.StatusServiceUnavailable,
		"POST /":                 http.StatusServiceUnavailable,
		"GET /v1/things/1/parts": http.StatusServiceUnavailable,
		// The image has this function, but another run service serves it.
		"GET /v1/things/1": http.StatusServiceUnavailable,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			method, path, _ := strings.Cut(request, " ")
			handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			response := recorder.Result()
			if response.StatusCode != want || want != http.StatusOK && response.Header.Get("Retry-After") == "" {
				t.Errorf("got %d with %v, want %d and Retry-After", response.StatusCode, response.Header, want)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
