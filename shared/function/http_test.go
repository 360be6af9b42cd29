package function_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"souk/shared/clock"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// MustNotTell fails when the answer or a log line of its trace has a text in it.
func MustNotTell(t *testing.T, answer functiontest.Response, trace, text string) {
	t.Helper()
	if strings.Contains(string(answer.Body), text) {
		t.Errorf("the answer tells %q: %s", text, answer.Body)
	}
	for _, line := range logged.of(trace) {
		if strings.Contains(line, text) {
			t.Errorf("the log tells %q: %s", text, line)
		}
	}
}

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
		stack, _ := line["stack"].(string)
		if line["severity"] != "ERROR" || line["panic"] != errInside.Error() || !strings.Contains(stack, "service_test.go") {
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

	t.Run("answers 503 when the request ended before its answer", func(t *testing.T) {
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

func TestRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	post := func(t *testing.T, path string, body any) (functiontest.Response, string) {
		t.Helper()
		trace, header := newTrace()
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Header: header, Body: body}), trace
	}

	t.Run("reach the operation when they keep the rules, with huma's additions turned off", func(t *testing.T) {
		t.Parallel()
		answer, _ := post(t, "/v1/accounts?notify=true", map[string]any{"name": "Ada", "password": "green bicycles"})
		answer.MustBe(t, http.StatusCreated)
		if got := strings.TrimSpace(string(answer.Body)); got != `{"name":"Ada"}` {
			t.Errorf("got %s", got)
		}
		if answer.Header.Get("Link") != "" || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v", answer.Header)
		}
	})

	t.Run("are refused with every fault at once", func(t *testing.T) {
		t.Parallel()
		answer, _ := post(t, "/v1/accounts?verbose=1&notify=perhaps", map[string]any{"name": "", "password": "a", "age": -1, "colour": "green"})
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		var problem struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal(answer.Body, &problem); err != nil {
			t.Fatal(err)
		}
		var locations []string
		for _, e := range problem.Errors {
			locations = append(locations, e.Location)
			if e.Message == "" {
				t.Errorf("nothing is said of %s", e.Location)
			}
		}
		for _, want := range []string{"body.name", "body.password", "body.age", "body.colour", "query.verbose", "query.notify"} {
			if !slices.Contains(locations, want) {
				t.Errorf("%s is not among %v", want, locations)
			}
		}
	})

	for name, body := range map[string]any{
		"that is too short":              map[string]any{"name": "Ada", "password": "hunter2"},
		"that is too long":               map[string]any{"name": "Ada", "password": strings.Repeat("hunter2", 10)},
		"of other characters":            map[string]any{"name": "Ada", "password": "hunter2hunter2"},
		"of another type":                map[string]any{"name": "Ada", "password": []string{"hunter2"}},
		"in an object":                   map[string]any{"name": "Ada", "password": map[string]any{"value": "hunter2"}},
		"in a body that is no object":    `"hunter2"`,
		"in a body that is cut off":      `{"name": "Ada", "password": "hunter2`,
		"in a body that is no JSON":      `hunter2`,
		"in a body of a form":            `name=Ada&password=hunter2`,
		"with a fault somewhere else":    map[string]any{"name": "", "password": "hunter2 hunter2"},
		"as a number no float holds":     `{"name": "Ada", "password": 1e999, "age": 1}`,
		"twice":                          `{"name": "Ada", "password": "hunter2", "password": "hunter2"}`,
		"with an age no field holds":     `{"name": "Ada", "password": "green bicycles", "age": 98765432}`,
		"with more after it":             `{"name": "Ada", "password": "hunter2"} hunter2`,
		"with an unknown field of it":    map[string]any{"name": "Ada", "password": "green bicycles", "password2": "hunter2"},
		"with invalid text in the name":  "{\"name\": \"\xff\", \"password\": \"hunter2\"}",
		"with a null instead of a value": `{"name": null, "password": "hunter2"}`,
	} {
		t.Run("never have their password echoed or logged: one "+name, func(t *testing.T) {
			t.Parallel()
			answer, trace := post(t, "/v1/accounts", body)
			answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			MustLine(t, trace, "account-make")
			for _, value := range []string{"hunter2", "1e999", "98765432", "green bicycles", "Go struct", "Go value", "int8"} {
				MustNotTell(t, answer, trace, value)
			}
		})
	}

	t.Run("of another media type are a 415, and too long ones a 413", func(t *testing.T) {
		t.Parallel()
		_, header := newTrace()
		header["Content-Type"] = "text/plain"
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Header: header, Body: `{"name": "Ada", "password": "green bicycles"}`}).
			MustBeProblem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		answer, _ := post(t, "/v1/accounts", `{"name": "`+strings.Repeat("a", 2<<20)+`"}`)
		answer.MustBeProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
	})

	t.Run("are refused for a query parameter that the operation does not have, and for nothing else", func(t *testing.T) {
		t.Parallel()
		answer, _ := post(t, "/v1/accounts?b=1&notify=true&a=1&a=2", map[string]any{"name": "Ada", "password": "green bicycles"})
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		want := `"errors":[{"location":"query.a","message":"unknown query parameter"},{"location":"query.b","message":"unknown query parameter"}]`
		if !strings.Contains(string(answer.Body), want) {
			t.Errorf("got %s", answer.Body)
		}
	})

	t.Run("without a body are a 400", func(t *testing.T) {
		t.Parallel()
		answer, _ := post(t, "/v1/accounts", nil)
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("with a malformed id are a 400 that names it", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/7"})
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if !strings.Contains(string(answer.Body), "path.id") {
			t.Errorf("got %s", answer.Body)
		}
	})

	t.Run("to no route are a 404, by a method the route does not take a 405", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/", "/v1/accounts/7/more", "/openapi.json", "/openapi.yaml", "/docs", "/schemas/Account.json", "/account-make"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path}).MustBeProblem(t, http.StatusNotFound, "route_not_found")
		}
		answer := s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/accounts"})
		answer.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if answer.Header.Get("Allow") != "POST" {
			t.Errorf("Allow is %q", answer.Header.Get("Allow"))
		}
		answer = s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/account-keep"})
		answer.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
	})

	t.Run("that know the ETag are answered 304", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{
			Method: http.MethodGet, Path: "/v1/accounts/0199c0de-0000-7000-8000-000000000001", Header: map[string]string{"If-None-Match": `"3"`},
		})
		if answer.MustBe(t, http.StatusNotModified); len(answer.Body) > 0 {
			t.Errorf("with a body: %s", answer.Body)
		}
	})

	t.Run("do not share their input", func(t *testing.T) {
		t.Parallel()
		const requests = 40
		answers := make(chan string, requests)
		for i := range requests {
			name := strings.Repeat("x", 1+i%20)
			go func() {
				recorder := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Body: map[string]any{"name": name, "password": "green bicycles"}})
				if strings.Contains(string(recorder.Body), `"`+name+`"`) {
					answers <- ""
				} else {
					answers <- name + " got " + string(recorder.Body)
				}
			}()
		}
		for range requests {
			if fault := <-answers; fault != "" {
				t.Error(fault)
			}
		}
	})
}

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
			request["responseSize"] != jsonNumber(len(answer.Body)) || !strings.HasSuffix(latency, "s") {
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
