package function_test

import (
	"net/http"
	"testing"

	"souk/shared/function/functiontest"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := start(t)
	send := func(t *testing.T, path, id string) (functiontest.Response, map[string]any) {
		t.Helper()
		trace, header := newTrace()
		header["X-Request-Id"] = id
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: header})
		name := "account-get"
		if response.Status == http.StatusNotFound {
			name = "no function"
		}
		return response, mustLogLine(t, trace, name)
	}
	const path = "/v1/accounts/0199c0de-0000-7000-8000-000000000001"

	t.Run("is the client's in response and log", func(t *testing.T) {
		t.Parallel()
		response, line := send(t, path, "shop-7:a_b.c")
		if got := response.Header.Get("X-Request-Id"); got != "shop-7:a_b.c" || line["requestId"] != got {
			t.Errorf("responded %q, logged %v", got, line["requestId"])
		}
	})

	t.Run("is generated if the client has none or an invalid one", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"", "a b", "<script>"} {
			response, line := send(t, path, id)
			if got := response.Header.Get("X-Request-Id"); got == id || len(got) != 36 || line["requestId"] != got {
				t.Errorf("%q: responded %q, logged %v", id, got, line["requestId"])
			}
		}
	})

	t.Run("is returned and logged without a route", func(t *testing.T) {
		t.Parallel()
		response, line := send(t, "/nowhere", "lost")
		response.MustBeProblem(t, http.StatusNotFound, "route_not_found")
		request, _ := line["httpRequest"].(map[string]any)
		if response.Header.Get("X-Request-Id") != "lost" || line["requestId"] != "lost" || line["severity"] != "WARNING" || request["status"] != 404.0 {
			t.Errorf("responded %v, logged %v", response.Header, line)
		}
	})
}
