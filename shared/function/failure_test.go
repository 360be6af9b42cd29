package function_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	s := start(t)
	fail := func(t *testing.T, kind string) (functiontest.Response, string) {
		t.Helper()
		trace, header := newTrace()
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/failures/" + kind, Header: header}), trace
	}

	t.Run("returns a 500 without details for a panic and logs it with its stack", func(t *testing.T) {
		t.Parallel()
		response, trace := fail(t, "panic")
		response.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if strings.Contains(string(response.Body), "hunter2") {
			t.Errorf("the client reads %s", response.Body)
		}
		line := mustLogLine(t, trace, "function panicked")
		stack, _ := line["stack_trace"].(string)
		if line["severity"] != "ERROR" || line["panic"] != errInside.Error() || !strings.Contains(stack, "service_test.go") ||
			!strings.HasPrefix(stack, "panic: *errors.errorString\n\ngoroutine ") || strings.Contains(stack, "hunter2") {
			t.Errorf("logged was %v", line)
		}
		if mustLogLine(t, trace, "failure-create")["severity"] != "ERROR" {
			t.Error("the request is not logged as an error")
		}
	})

	t.Run("returns a 500 without details for any other error and logs it", func(t *testing.T) {
		t.Parallel()
		response, trace := fail(t, "error")
		response.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if text := string(response.Body); strings.Contains(text, "hunter2") || strings.Contains(text, "create a failure") || !strings.Contains(text, trace) {
			t.Errorf("the client reads %s", text)
		}
		if line := mustLogLine(t, trace, "operation failed"); line["error"] != "create a failure: "+errInside.Error() {
			t.Errorf("logged was %v", line)
		}
	})

	for _, kind := range []string{"problem", "wrapped"} {
		t.Run("returns a problem with its headers: "+kind, func(t *testing.T) {
			t.Parallel()
			response, trace := fail(t, kind)
			response.MustBeProblem(t, http.StatusConflict, "sold_out")
			if response.Header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", response.Header.Get("Retry-After"))
			}
			requireNotExposed(t, response, trace, "hunter2")
		})
	}

	t.Run("returns 503 when the request ended before its response", func(t *testing.T) {
		t.Parallel()
		runtime := function.NewRuntime(function.Options{
			Manifest: mustManifest(t, list), Service: "test", DB: s.DB, Publisher: s.Published, UserAuth: s.Tokens.UserAuth, PushAuth: s.Tokens.PushAuth,
		})
		handler, err := function.NewHandler(runtime, build)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/failures/ended", nil))
		if recorder.Code != http.StatusServiceUnavailable || strings.Contains(recorder.Body.String(), "hunter2") {
			t.Errorf("got %d %s", recorder.Code, recorder.Body)
		}
	})
}
