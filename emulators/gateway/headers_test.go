package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"souk/shared/telemetry"
)

// echoHeaders is a function that responds with the headers of the request.
func echoHeaders(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Clone()
	header["Host"] = []string{r.Host}
	w.Header().Set("X-Request-Id", "set by the function")
	_ = json.NewEncoder(w).Encode(header)
}

func mustDecodeHeaders(t *testing.T, a result) http.Header {
	t.Helper()
	var seen http.Header
	if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
		t.Fatalf("parse the headers in %+v: %v", a, err)
	}
	return seen
}

func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, echoHeaders)
	const lie = "a-lie"
	forged := http.Header{}
	for _, name := range []string{
		"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
		"X-Real-Ip", "X-Serverless-Authorization", "X-Goog-Iap-Jwt-Assertion", "X-Goog-Authenticated-User-Email",
		"X-Cloudscheduler", "X-Cloudscheduler-Jobname", "X-Cloudtasks-Queuename", "X-Appengine-Cron", "X-Cloud-Trace-Context",
		"Ce-Id", "Baggage", "Tracestate", "Traceparent", "X_Forwarded_For", "X_goog_anything", "X-Http-Method-Override",
		"Keep-Alive", "Proxy-Authorization", "Te", "Upgrade",
	} {
		forged[textproto.CanonicalMIMEHeaderKey(name)] = []string{lie}
	}
	forged["X-Forwarded-For"] = []string{"192.0.2.66", "192.0.2.67"}
	forged["Connection"] = []string{"X-Named-By-Connection, X-Forwarded-For, X-Request-Id, Traceparent"}
	forged.Set("X-Named-By-Connection", lie)
	forged.Set("Authorization", "Bearer token")
	forged.Set("Idempotency-Key", "key-1")
	seen := mustDecodeHeaders(t, d.mustDo(t, http.MethodGet, "/v1/products/1", forged, nil))
	for name, values := range seen {
		if strings.Contains(strings.Join(values, " "), lie) {
			t.Errorf("%s: %v was forwarded", name, values)
		}
	}
	host := strings.TrimPrefix(d.url, "http://")
	for name, want := range map[string]string{
		// As behind the cloud's load balancer: the client's value, the client, the gateway.
		"X-Forwarded-For": "192.0.2.66,192.0.2.67,127.0.0.1,127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": host, "Host": host,
		"Authorization": "Bearer token", "Idempotency-Key": "key-1",
	} {
		if got := seen[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if seen.Get("Traceparent") == "" || seen.Get("X-Request-Id") == "" {
		t.Errorf("a client removed trace and request id: %v", seen)
	}
}

func TestUpgradeIsNotForwarded(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, echoHeaders)
	seen := mustDecodeHeaders(t, d.mustDo(t, http.MethodGet, "/v1/products/1",
		http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, nil))
	if seen["Upgrade"] != nil || seen["Connection"] != nil {
		t.Errorf("the function received %v", seen)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, echoHeaders)
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	t.Run("a client's trace is continued with a new span", func(t *testing.T) {
		t.Parallel()
		seen := mustDecodeHeaders(t, d.mustDo(t, http.MethodGet, "/v1/products/1",
			http.Header{"Traceparent": {"00-" + trace + "-" + parent + "-01"}, "Tracestate": {"vendor=1"}}, nil))
		got := seen.Get("Traceparent")
		if !strings.HasPrefix(got, "00-"+trace+"-") || !strings.HasSuffix(got, "-00") || strings.Contains(got, parent) {
			t.Errorf("traceparent: %s", got)
		}
		if state := seen.Get("Tracestate"); state != "vendor=1" {
			t.Errorf("tracestate: %s", state)
		}
	})
	t.Run("whether it is recorded is the gateway's decision", func(t *testing.T) {
		t.Parallel()
		for flag, sampled := range map[string]bool{"-00": true, "-01": false} {
			recorded := tracetest.NewInMemoryExporter()
			traced := mustOpen(t, echoHeaders, func(o *Options) {
				o.Tracer = telemetry.NewLocalTracer("gateway", recorded, func(bool) bool { return sampled })
			})
			traced.mustDo(t, http.MethodGet, LivenessPath, nil, nil) // is not recorded
			seen := mustDecodeHeaders(t, traced.mustDo(t, http.MethodGet, "/v1/products/1?q=canary",
				http.Header{"Traceparent": {"00-" + trace + "-" + parent + flag}}, nil))
			if err := traced.stop(); err != nil {
				t.Error(err)
			}
			want := map[bool]string{true: "-01", false: "-00"}[sampled]
			if got := seen.Get("Traceparent"); !strings.HasPrefix(got, "00-"+trace) || !strings.HasSuffix(got, want) {
				t.Errorf("the function received %s, want %s", got, want)
			}
			spans := recorded.GetSpans()
			if sampled != (len(spans) == 1) || sampled && (spans[0].Name != "GET /v1/products/{id}" || strings.Contains(fmt.Sprintf("%+v", spans), "canary")) {
				t.Errorf("recorded %+v", spans)
			}
		}
	})
	t.Run("a malformed trace is replaced and its state dropped", func(t *testing.T) {
		t.Parallel()
		seen := mustDecodeHeaders(t, d.mustDo(t, http.MethodGet, "/v1/products/1",
			http.Header{"Traceparent": {"00-" + strings.ToUpper(trace) + "-" + parent + "-01"}, "Tracestate": {"vendor=1"}}, nil))
		if got := seen.Get("Traceparent"); len(got) != 55 || strings.Contains(strings.ToLower(got), trace) {
			t.Errorf("traceparent: %s", got)
		}
		if state := seen.Get("Tracestate"); state != "" {
			t.Errorf("tracestate: %s", state)
		}
	})
}

// TestSharedResponse has no id of a request in a response that caches may share.
func TestSharedResponse(t *testing.T) {
	t.Parallel()
	for control, shared := range map[string]bool{"public, max-age=5": true, "max-age=5 , Public": true, "no-store": false, "private": false, "": false} {
		d := mustOpen(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", control) })
		if got := d.mustDo(t, http.MethodGet, "/v1/products/1", nil, nil).header.Get("X-Request-Id"); (got == "") != shared {
			t.Errorf("Cache-Control %q has X-Request-Id %q", control, got)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, echoHeaders)
	for name, test := range map[string]struct {
		sent     []string
		accepted bool
	}{
		"the client's id is used":       {[]string{"Order_7:a.b-c"}, true},
		"a missing id is created":       {nil, false},
		"a long id is replaced":         {[]string{strings.Repeat("a", 129)}, false},
		"an id with quotes is replaced": {[]string{`a","severity":"ERROR`}, false},
		"an empty id is replaced":       {[]string{""}, false},
		"two ids are replaced":          {[]string{"one", "two"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := d.mustDo(t, http.MethodGet, "/v1/products/1", http.Header{"X-Request-Id": test.sent}, nil)
			got, seen := a.header["X-Request-Id"], mustDecodeHeaders(t, a)["X-Request-Id"]
			if len(got) != 1 || len(seen) != 1 || got[0] != seen[0] {
				t.Fatalf("the client received %v, the function %v", got, seen)
			}
			if accepted := len(test.sent) == 1 && got[0] == test.sent[0]; accepted != test.accepted || got[0] == "" {
				t.Errorf("sent %v, got %v", test.sent, got)
			}
		})
	}
}
