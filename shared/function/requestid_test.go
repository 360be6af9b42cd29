package function_test

import (
	"net/http"
	"testing"

	"souk/shared/function/functiontest"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := start(t)
	ask := func(t *testing.T, path, id string) (functiontest.Response, map[string]any) {
		t.Helper()
		trace, header := newTrace()
		header["X-Request-Id"] = id
		answer := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: header})
		name := "account-get"
		if answer.Status == http.StatusNotFound {
			name = "no function"
		}
		return answer, MustLine(t, trace, name)
	}
	const path = "/v1/accounts/0199c0de-0000-7000-8000-000000000001"

	t.Run("is the client's in answer and log", func(t *testing.T) {
		t.Parallel()
		answer, line := ask(t, path, "shop-7:a_b.c")
		if got := answer.Header.Get("X-Request-Id"); got != "shop-7:a_b.c" || line["requestId"] != got {
			t.Errorf("answered %q, logged %v", got, line["requestId"])
		}
	})

	t.Run("is made when the client has none, or one that is not fit for a log", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"", "a b", "<script>"} {
			answer, line := ask(t, path, id)
			if got := answer.Header.Get("X-Request-Id"); got == id || len(got) != 36 || line["requestId"] != got {
				t.Errorf("%q: answered %q, logged %v", id, got, line["requestId"])
			}
		}
	})

	t.Run("is there, and logged, where no route leads", func(t *testing.T) {
		t.Parallel()
		answer, line := ask(t, "/nowhere", "lost")
		answer.MustBeProblem(t, http.StatusNotFound, "route_not_found")
		request, _ := line["httpRequest"].(map[string]any)
		if answer.Header.Get("X-Request-Id") != "lost" || line["requestId"] != "lost" || line["severity"] != "WARNING" || request["status"] != 404.0 {
			t.Errorf("answered %v, logged %v", answer.Header, line)
		}
	})
}
