package function_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/shared/clock"
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

	t.Run("answers a panic with a 500 that tells nothing, and logs it with its stack", func(t *testing.T) {
		t.Parallel()
		answer, trace := fail(t, "panic")
		answer.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if strings.Contains(string(answer.Body), "hunter2") {
			t.Errorf("the client reads %s", answer.Body)
		}
		line := MustLine(t, trace, "the function panicked")
		stack, _ := line["stack_trace"].(string)
		if line["severity"] != "ERROR" || line["panic"] != errInside.Error() || !strings.Contains(stack, "service_test.go") ||
			!strings.HasPrefix(stack, "panic: *errors.errorString\n\ngoroutine ") || strings.Contains(stack, "hunter2") {
			t.Errorf("logged was %v", line)
		}
		if MustLine(t, trace, "failure-make")["severity"] != "ERROR" {
			t.Error("the request is not logged as an error")
		}
	})

	t.Run("answers an error that is no problem with a 500 without its text, and logs that", func(t *testing.T) {
		t.Parallel()
		answer, trace := fail(t, "error")
		answer.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if text := string(answer.Body); strings.Contains(text, "hunter2") || strings.Contains(text, "make a failure") || !strings.Contains(text, trace) {
			t.Errorf("the client reads %s", text)
		}
		if line := MustLine(t, trace, "the operation failed"); line["error"] != "make a failure: "+errInside.Error() {
			t.Errorf("logged was %v", line)
		}
	})

	for _, kind := range []string{"problem", "wrapped"} {
		t.Run("passes a problem on with its headers: "+kind, func(t *testing.T) {
			t.Parallel()
			answer, trace := fail(t, kind)
			answer.MustBeProblem(t, http.StatusConflict, "sold_out")
			if answer.Header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
			}
			MustNotTell(t, answer, trace, "hunter2")
		})
	}

	t.Run("returns 503 when the request ended before its response", func(t *testing.T) {
		t.Parallel()
		runtime := function.NewRuntime(s.DB, s.Topics, clock.System, nil, s.Tokens.Users, s.Tokens.Pushes)
		handler, err := function.NewHandler(runtime, MustManifest(t, list), "test", build)
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
