package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

func TestRouting(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI) })
	for _, test := range []struct{ method, path, function string }{
		{http.MethodPost, "/v1/products", "product-create"},
		{http.MethodGet, "/v1/products/1", "product-get"},
		{http.MethodHead, "/v1/products/1", "product-get"},
		{http.MethodGet, "/v1/users/me", "user-get"},
		{http.MethodGet, "/v1/users/1", "user-read"},
		{http.MethodGet, "/v1/products/a%2Fb?q=%zz&q=a;b", "product-get"},
	} {
		t.Run(test.method+" "+test.path+" reaches "+test.function, func(t *testing.T) {
			t.Parallel()
			a := d.mustDo(t, test.method, test.path, nil, nil)
			if a.status != http.StatusOK || a.header.Get("X-Function") != test.function {
				t.Errorf("got %+v", a)
			}
			if want := test.method + " " + test.path; test.method != http.MethodHead && a.body != want {
				t.Errorf("the function received %q, want %q", a.body, want)
			}
		})
	}
	for _, path := range []string{"/v1", "/v1/products/1/x", "/stock-reserve", "/product-outbox", "/v1/stock-reserve"} {
		t.Run("the response is 404 at "+path, func(t *testing.T) {
			t.Parallel()
			d.mustDo(t, http.MethodPost, path, nil, nil).requireProblem(t, http.StatusNotFound, "route_not_found")
		})
	}
	t.Run("a 405 lists the allowed methods", func(t *testing.T) {
		t.Parallel()
		a := d.mustDo(t, http.MethodDelete, "/v1/products/1", nil, nil)
		a.requireProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if allow := a.header.Get("Allow"); allow != "GET, HEAD" {
			t.Errorf("Allow: %q", allow)
		}
	})
	t.Run("the health check reports ok", func(t *testing.T) {
		t.Parallel()
		if a := d.mustDo(t, http.MethodGet, LivenessPath, nil, nil); a.status != http.StatusOK || a.body != "ok\n" {
			t.Errorf("got %+v", a)
		}
	})
}

func TestEveryListedFunctionIsRouted(t *testing.T) {
	t.Parallel()
	var asked []string
	g, err := New(Options{Manifest: functions.Manifest(), Backend: func(function string) string {
		asked = append(asked, function)
		return "http://" + function + ":8080"
	}})
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	for _, function := range functions.Manifest().Functions {
		if routed := slices.Contains(asked, function.Name); routed != (function.HTTP != "") {
			t.Errorf("%s (http: %q): routed is %t", function.Name, function.HTTP, routed)
		}
	}
}

func TestNewNamesEveryInvalidRoute(t *testing.T) {
	t.Parallel()
	invalid := &manifest.Manifest{Functions: []manifest.Function{
		{Name: "no-url", HTTP: "GET /a"},
		{Name: "no-host", HTTP: "GET /b"},
		{Name: "conflict", HTTP: "GET " + LivenessPath},
		{Name: "no-url-needed", Events: []string{"a"}},
	}}
	urls := map[string]string{"no-host": "127.0.0.1:80", "conflict": "http://127.0.0.1:80"}
	_, err := New(Options{Manifest: invalid, Backend: func(function string) string { return urls[function] }})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"no-url:", "no-host:", "conflict:"} {
		if !strings.Contains(err.Error(), "route to "+name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "no-url-needed") {
		t.Errorf("a URL is required of an event-triggered function: %v", err)
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	serveTeapot := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	t.Run("the entry has the outcome of a request, but no secrets", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, serveTeapot)
		d.mustDo(t, http.MethodGet, "/v1/products/secret?token=secret", http.Header{
			"X-Request-Id": {"client-1"}, "Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
		}, nil)
		l := d.mustLog(t, "client-1")
		if l.Method != http.MethodGet || l.Route != "GET /v1/products/{id}" || l.Function != "product-get" || l.Status != http.StatusTeapot ||
			l.LatencyMs <= 0 || l.Trace != "4bf92f3577b34da6a3ce929d0e0e4736" || l.Severity != "INFO" {
			t.Errorf("got %+v", l)
		}
		if strings.Contains(d.log.String(), "secret") {
			t.Errorf("the log contains data of the client: %s", d.log)
		}
	})
	t.Run("the log can be turned off", func(t *testing.T) {
		t.Parallel()
		d := mustOpen(t, serveTeapot, func(o *Options) { o.RequestLevel = -4 })
		d.mustDo(t, http.MethodGet, "/v1/products/1", nil, nil)
		if err := d.stop(); err != nil { // no entry is written after it
			t.Fatal(err)
		}
		if d.log.String() != "" {
			t.Errorf("logged: %s", d.log)
		}
	})
}
