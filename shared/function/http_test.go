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

// requireNotExposed fails the test if the response or a log line of its trace contains a text.
func requireNotExposed(t *testing.T, response functiontest.Response, trace, text string) {
	t.Helper()
	if strings.Contains(string(response.Body), text) {
		t.Errorf("the response contains %q: %s", text, response.Body)
	}
	for _, line := range logged.lines(trace) {
		if strings.Contains(line, text) {
			t.Errorf("the log contains %q: %s", text, line)
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

	t.Run("requests reach the operation if they are valid, without huma's additions", func(t *testing.T) {
		t.Parallel()
		response, _ := post(t, "/v1/accounts?notify=true", map[string]any{"name": "Ada", "password": "green bicycles"})
		response.MustBe(t, http.StatusCreated)
		if got := strings.TrimSpace(string(response.Body)); got != `{"name":"Ada"}` {
			t.Errorf("got %s", got)
		}
		if response.Header.Get("Link") != "" || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v", response.Header)
		}
	})

	t.Run("requests are refused with all their errors", func(t *testing.T) {
		t.Parallel()
		response, _ := post(t, "/v1/accounts?verbose=1&notify=perhaps", map[string]any{"name": "", "password": "a", "age": -1, "colour": "green"})
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		var problem struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal(response.Body, &problem); err != nil {
			t.Fatal(err)
		}
		var locations []string
		for _, e := range problem.Errors {
			locations = append(locations, e.Location)
			if e.Message == "" {
				t.Errorf("%s has no message", e.Location)
			}
		}
		for _, want := range []string{"body.name", "body.password", "body.age", "body.colour", "query.verbose", "query.notify"} {
			if !slices.Contains(locations, want) {
				t.Errorf("%s is not among %v", want, locations)
			}
		}
	})

	for name, body := range map[string]any{
		"that is too short":               map[string]any{"name": "Ada", "password": "hunter2"},
		"that is too long":                map[string]any{"name": "Ada", "password": strings.Repeat("hunter2", 10)},
		"of other characters":             map[string]any{"name": "Ada", "password": "hunter2hunter2"},
		"of another type":                 map[string]any{"name": "Ada", "password": []string{"hunter2"}},
		"in an object":                    map[string]any{"name": "Ada", "password": map[string]any{"value": "hunter2"}},
		"in a body that is not an object": `"hunter2"`,
		"in a body that is cut off":       `{"name": "Ada", "password": "hunter2`,
		"in a body that is not JSON":      `hunter2`,
		"in a body of a form":             `name=Ada&password=hunter2`,
		"with an error elsewhere":         map[string]any{"name": "", "password": "hunter2 hunter2"},
		"as a number beyond float64":      `{"name": "Ada", "password": 1e999, "age": 1}`,
		"twice":                           `{"name": "Ada", "password": "hunter2", "password": "hunter2"}`,
		"with an age out of range":        `{"name": "Ada", "password": "green bicycles", "age": 98765432}`,
		"with more after it":              `{"name": "Ada", "password": "hunter2"} hunter2`,
		"with an unknown field of it":     map[string]any{"name": "Ada", "password": "green bicycles", "password2": "hunter2"},
		"with invalid text in the name":   "{\"name\": \"\xff\", \"password\": \"hunter2\"}",
		"with a null instead of a value":  `{"name": null, "password": "hunter2"}`,
	} {
		t.Run("requests never have their password returned or logged: "+name, func(t *testing.T) {
			t.Parallel()
			response, trace := post(t, "/v1/accounts", body)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			mustLogLine(t, trace, "account-create")
			for _, value := range []string{"hunter2", "1e999", "98765432", "green bicycles", "Go struct", "Go value", "int8"} {
				requireNotExposed(t, response, trace, value)
			}
		})
	}

	t.Run("requests with another media type get 415 and with a long body 413", func(t *testing.T) {
		t.Parallel()
		_, header := newTrace()
		header["Content-Type"] = "text/plain"
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Header: header, Body: `{"name": "Ada", "password": "green bicycles"}`}).
			MustBeProblem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		response, _ := post(t, "/v1/accounts", `{"name": "`+strings.Repeat("a", 2<<20)+`"}`)
		response.MustBeProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
	})

	t.Run("requests are refused for unknown query parameters only", func(t *testing.T) {
		t.Parallel()
		response, _ := post(t, "/v1/accounts?b=1&notify=true&a=1&a=2", map[string]any{"name": "Ada", "password": "green bicycles"})
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		want := `"errors":[{"location":"query.a","code":"unknown_field","message":"unknown query parameter"},{"location":"query.b","code":"unknown_field","message":"unknown query parameter"}]`
		if !strings.Contains(string(response.Body), want) {
			t.Errorf("got %s", response.Body)
		}
	})

	t.Run("requests without a body get 400", func(t *testing.T) {
		t.Parallel()
		response, _ := post(t, "/v1/accounts", nil)
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("requests with a malformed id get 400 with its location", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/7"})
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if !strings.Contains(string(response.Body), "path.id") {
			t.Errorf("got %s", response.Body)
		}
	})

	t.Run("requests without a route get 404 and with a wrong method 405", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/", "/v1/accounts/7/more", "/openapi.json", "/openapi.yaml", "/docs", "/schemas/Account.json", "/account-create"} {
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path}).MustBeProblem(t, http.StatusNotFound, "route_not_found")
		}
		response := s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/accounts"})
		response.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if response.Header.Get("Allow") != "POST" {
			t.Errorf("Allow is %q", response.Header.Get("Allow"))
		}
		response = s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/account-copy"})
		response.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
	})

	t.Run("requests with the current ETag get 304", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, functiontest.Request{
			Method: http.MethodGet, Path: "/v1/accounts/0199c0de-0000-7000-8000-000000000001", Header: map[string]string{"If-None-Match": `"3"`},
		})
		if response.MustBe(t, http.StatusNotModified); len(response.Body) > 0 {
			t.Errorf("with a body: %s", response.Body)
		}
	})

	t.Run("do not share their input", func(t *testing.T) {
		t.Parallel()
		var all sync.WaitGroup
		for i := range 40 {
			name := strings.Repeat("x", 1+i%20)
			all.Go(func() {
				response, _ := post(t, "/v1/accounts", map[string]any{"name": name, "password": "green bicycles"})
				if !strings.Contains(string(response.Body), `"`+name+`"`) {
					t.Errorf("%s got %s", name, response.Body)
				}
			})
		}
		all.Wait()
	})
}
