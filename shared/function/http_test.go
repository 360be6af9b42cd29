package function_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

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
		want := `"errors":[{"location":"query.a","code":"unknown_field","message":"unknown query parameter"},{"location":"query.b","code":"unknown_field","message":"unknown query parameter"}]`
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
		var all sync.WaitGroup
		for i := range 40 {
			name := strings.Repeat("x", 1+i%20)
			all.Go(func() {
				answer, _ := post(t, "/v1/accounts", map[string]any{"name": name, "password": "green bicycles"})
				if !strings.Contains(string(answer.Body), `"`+name+`"`) {
					t.Errorf("%s got %s", name, answer.Body)
				}
			})
		}
		all.Wait()
	})
}
