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

	t.Run("has the fields that Cloud Logging shows as a request, and not the query", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		answer := s.Do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/accounts?notify=hunter2", Header: header, Body: map[string]any{"name": "Ada", "password": "green bicycles"},
		}).MustBe(t, http.StatusBadRequest)
		line := MustLine(t, trace, "account-make")
		request, _ := line["httpRequest"].(map[string]any)
		latency, _ := request["latency"].(string)
		if request["requestMethod"] != "POST" || request["requestUrl"] != "/v1/accounts" || request["status"] != 400.0 ||
			request["responseSize"] != strconv.Itoa(len(answer.Body)) || !strings.HasSuffix(latency, "s") {
			t.Errorf("logged was %v", request)
		}
		if line["severity"] != "WARNING" || line["logging.googleapis.com/trace"] != "projects/souk-test/traces/"+trace {
			t.Errorf("logged was %v", line)
		}
		MustNotTell(t, answer, trace, "hunter2")
	})

	t.Run("is of severity INFO when all went well", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/0199c0de-0000-7000-8000-000000000001", Header: header})
		if line := MustLine(t, trace, "account-get"); line["severity"] != "INFO" {
			t.Errorf("logged was %v", line)
		}
	})

	t.Run("continues the caller's trace in a span of its own, inside the operation too", func(t *testing.T) {
		t.Parallel()
		trace, header := newTrace()
		_, token := s.Tokens.Customer(t)
		answer := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/secret", Token: token, Header: header}).MustBe(t, http.StatusOK)
		span, _ := MustLine(t, trace, "secret-get")["logging.googleapis.com/spanId"].(string)
		if span == "" || span == "00f067aa0ba902b7" || !strings.Contains(string(answer.Body), "00-"+trace+"-"+span+"-") {
			t.Errorf("the span is %q, the operation's trace %s", span, answer.Body)
		}
	})

	t.Run("begins a trace for a caller without one, the same in answer and log", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/secret"})
		answer.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		var problem struct{ TraceID string }
		if err := json.Unmarshal(answer.Body, &problem); err != nil {
			t.Fatal(err)
		}
		MustLine(t, problem.TraceID, "secret-get")
	})
}
