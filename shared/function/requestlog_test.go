package function_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"souk/shared/function/functiontest"
)

func TestRequestLog(t *testing.T) {
	t.Parallel()
	s := start(t)

	t.Run("has Cloud Logging's fields of a request without the query", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		response := s.Do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/accounts?notify=hunter2", Header: header, Body: map[string]any{"name": "Ada", "password": "green bicycles"},
		}).MustBe(t, http.StatusBadRequest)
		line := mustLogLine(t, trace, "account-create")
		request, _ := line["httpRequest"].(map[string]any)
		latency, _ := request["latency"].(string)
		if request["requestMethod"] != "POST" || request["requestUrl"] != "/v1/accounts" || request["status"] != 400.0 ||
			request["responseSize"] != strconv.Itoa(len(response.Body)) || !strings.HasSuffix(latency, "s") {
			t.Errorf("logged was %v", request)
		}
		if line["severity"] != "WARNING" || line["logging.googleapis.com/trace"] != "projects/souk-test/traces/"+trace {
			t.Errorf("logged was %v", line)
		}
		requireNotExposed(t, response, trace, "hunter2")
	})

	t.Run("has severity INFO after a success", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/0199c0de-0000-7000-8000-000000000001", Header: header})
		if line := mustLogLine(t, trace, "account-get"); line["severity"] != "INFO" {
			t.Errorf("logged was %v", line)
		}
	})

	t.Run("continues the caller's trace in a new span, also in the operation", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		_, token := s.Tokens.Customer(t)
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/secret", Token: token, Header: header}).MustBe(t, http.StatusOK)
		span, _ := mustLogLine(t, trace, "secret-get")["logging.googleapis.com/spanId"].(string)
		if span == "" || span == "00f067aa0ba902b7" || !strings.Contains(string(response.Body), "00-"+trace+"-"+span+"-") {
			t.Errorf("the span is %q, the operation's trace %s", span, response.Body)
		}
	})

	t.Run("begins a trace for a caller without one, in response and log", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/secret"})
		response.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		var problem struct{ TraceID string }
		if err := json.Unmarshal(response.Body, &problem); err != nil {
			t.Fatal(err)
		}
		mustLogLine(t, problem.TraceID, "secret-get")
	})
}
