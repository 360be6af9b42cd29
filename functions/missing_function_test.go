package functions_test

import (
	"net/http"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/health"
)

// TestImageWithoutTheFunction starts the command of every service as Terraform does for a
// function that is newer than the image: FUNCTION_TARGET names a function it lacks.
func TestImageWithoutTheFunction(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			p := mustRun(t, mustBuild(t, service), "DATABASE_URL=mysql://souk:souk@127.0.0.1:1/souk", "FUNCTION_TARGET="+service+"-new", "FUNCTION_TARGET_OPTIONAL=true")
			p.mustListen(t)
			functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: health.Path}).MustBe(t, http.StatusOK)
			functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodPost, Path: "/" + service + "-new", Body: "{}"}).
				MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
			p.mustTerminate(t)
			if code := p.mustExit(t); code != 0 {
				t.Errorf("the exit code is %d", code)
			}
		})
	}
}
