package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/api"
)

// sendRequest sends a request to a handler over HTTP, without following redirects.
func sendRequest(t *testing.T, handler http.Handler, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := server.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response, readAll(t, response)
}

// mustProblem decodes a problem. It fails the test if the response is not a problem.
func mustProblem(t *testing.T, response *http.Response, body string) map[string]any {
	t.Helper()
	if got := response.Header.Get("Content-Type"); got != api.ProblemType {
		t.Errorf("Content-Type is %q", got)
	}
	var problem map[string]any
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("decode %q: %v", body, err)
	}
	if problem["status"] != float64(response.StatusCode) {
		t.Errorf("the problem's status is %v, the response's %d", problem["status"], response.StatusCode)
	}
	return problem
}

func TestProblem(t *testing.T) {
	t.Parallel()
	t.Run("has the form of RFC 9457", func(t *testing.T) {
		t.Parallel()
		p := api.Invalid("body.price", api.FieldRange, "must be %d or more", 1).WithHeader("Retry-After", "1")
		response, body := sendRequest(t, http.HandlerFunc(p.Write), http.MethodPost, "/", nil)
		problem := mustProblem(t, response, body)
		if response.StatusCode != http.StatusBadRequest || response.Header.Get("Retry-After") != "1" {
			t.Errorf("got %d with %v", response.StatusCode, response.Header)
		}
		errs, _ := json.Marshal(problem["errors"])
		if problem["title"] != "Bad Request" || problem["code"] != "invalid_request" ||
			string(errs) != `[{"code":"out_of_range","location":"body.price","message":"must be 1 or more"}]` {
			t.Errorf("got %s", body)
		}
	})

	t.Run("has no body for HEAD", func(t *testing.T) {
		t.Parallel()
		recorder := httptest.NewRecorder()
		api.Internal().Write(recorder, httptest.NewRequest(http.MethodHead, "/", nil))
		if recorder.Code != http.StatusInternalServerError || recorder.Body.Len() != 0 {
			t.Errorf("got %d %q", recorder.Code, recorder.Body)
		}
	})

	t.Run("is not changed by changes of a copy", func(t *testing.T) {
		t.Parallel()
		first := api.Internal().WithHeader("A", "1")
		second := first.WithHeader("B", "2").WithTrace("t")
		if len(first.GetHeaders()) != 1 || first.TraceID != "" || len(second.GetHeaders()) != 2 || second.TraceID != "t" {
			t.Errorf("first is %+v, second %+v", first, second)
		}
	})

	t.Run("is found in a wrapped error whose text has code and detail", func(t *testing.T) {
		t.Parallel()
		id := uuid.MustParse("0199c0de-0000-7000-8000-000000000001")
		err := fmt.Errorf("get it: %w", api.NotFound("product", id))
		var p *api.Problem
		if !errors.As(err, &p) || p.GetStatus() != http.StatusNotFound || p.Code != "product_not_found" {
			t.Errorf("got %+v", p)
		}
		if want := "get it: product_not_found: There is no product " + id.String() + "."; err.Error() != want {
			t.Errorf("the error is %q, want %q", err, want)
		}
	})
}

func TestRouter(t *testing.T) {
	t.Parallel()
	router := api.NewRouter()
	for _, pattern := range []string{"GET /things", "POST /things", "GET /things/{id}", "DELETE /things/{id}"} {
		router.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Id", r.PathValue("id"))
			_, _ = fmt.Fprint(w, pattern)
		}))
	}

	t.Run("calls the matching route with its path values", func(t *testing.T) {
		t.Parallel()
		response, body := sendRequest(t, router, http.MethodGet, "/things/a%2Fb", nil)
		if response.StatusCode != http.StatusOK || body != "GET /things/{id}" || response.Header.Get("Id") != "a/b" {
			t.Errorf("got %d %q of %q", response.StatusCode, body, response.Header.Get("Id"))
		}
	})

	t.Run("handles HEAD like GET without a body", func(t *testing.T) {
		t.Parallel()
		response, body := sendRequest(t, router, http.MethodHead, "/things", nil)
		if response.StatusCode != http.StatusOK || body != "" || response.ContentLength != int64(len("GET /things")) {
			t.Errorf("got %d %q, %d bytes", response.StatusCode, body, response.ContentLength)
		}
	})

	// The last five are not clean: a redirect to another path could be stored by a cache.
	for _, path := range []string{
		"/", "/thing", "/things/", "/things/1/2", "/things%2F1", "/\xff\"<script>",
		"//", "//things", "/things//1", "/things/../things", "/things/.",
	} {
		t.Run("returns 404 at "+path, func(t *testing.T) {
			t.Parallel()
			response, body := sendRequest(t, router, http.MethodGet, strings.ReplaceAll(path, "\xff", "%ff"), nil)
			problem := mustProblem(t, response, body)
			trace, _ := problem["traceId"].(string)
			if response.StatusCode != http.StatusNotFound || problem["code"] != "route_not_found" || len(trace) != 32 {
				t.Errorf("got %s", body)
			}
		})
	}

	t.Run("returns 405 with the methods of the path", func(t *testing.T) {
		t.Parallel()
		for path, allow := range map[string]string{"/things": "GET, HEAD, POST", "/things/1": "DELETE, GET, HEAD"} {
			response, body := sendRequest(t, router, http.MethodPut, path, nil)
			problem := mustProblem(t, response, body)
			if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != allow || problem["code"] != "method_not_allowed" {
				t.Errorf("PUT %s: %d, Allow %q, %s", path, response.StatusCode, response.Header.Get("Allow"), body)
			}
			if detail, _ := problem["detail"].(string); !strings.Contains(detail, allow) {
				t.Errorf("the detail %q does not contain %s", detail, allow)
			}
		}
	})

	t.Run("returns the trace of the request", func(t *testing.T) {
		t.Parallel()
		const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		_, body := sendRequest(t, router, http.MethodGet, "/no", http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}})
		if !strings.Contains(body, `"traceId":"`+trace+`"`) {
			t.Errorf("got %s", body)
		}
	})
}
