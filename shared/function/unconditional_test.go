package function_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestUnconditional(t *testing.T) {
	t.Parallel()
	s := start(t)
	remove := func(path string) functiontest.Response {
		return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: path + uuid.NewString()})
	}
	remove("/v1/logins/").MustBe(t, http.StatusNoContent)
	remove("/v1/accounts/").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
}
