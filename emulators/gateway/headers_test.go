package gateway

import (
	"encoding/json"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// tellHeaders is a function that answers with the headers it got.
func tellHeaders(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Clone()
	header["Host"] = []string{r.Host}
	w.Header().Set("X-Request-Id", "the function's own")
	_ = json.NewEncoder(w).Encode(header)
}

func MustSeen(t *testing.T, a answer) http.Header {
	t.Helper()
	var seen http.Header
	if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
		t.Fatalf("read headers out of %+v: %v", a, err)
	}
	return seen
}

func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	d := MustOpen(t, tellHeaders)
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
	forged.Set("Idempotency-Key", "kept")
	seen := MustSeen(t, d.MustDo(t, http.MethodGet, "/v1/products/1", forged, nil))
	for name, values := range seen {
		if strings.Contains(strings.Join(values, " "), lie) {
			t.Errorf("%s: %v came through", name, values)
		}
	}
	host := strings.TrimPrefix(d.url, "http://")
	for name, want := range map[string]string{
		// As behind the cloud's load balancer: what the client says, the client, the gateway.
		"X-Forwarded-For": "192.0.2.66,192.0.2.67,127.0.0.1,127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": host, "Host": host,
		"Authorization": "Bearer token", "Idempotency-Key": "kept",
	} {
		if got := seen[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if seen.Get("Traceparent") == "" || seen.Get("X-Request-Id") == "" {
		t.Errorf("a client took trace and request id away: %v", seen)
	}
}

func TestUpgradeIsNotPassedOn(t *testing.T) {
	t.Parallel()
	d := MustOpen(t, tellHeaders)
	seen := MustSeen(t, d.MustDo(t, http.MethodGet, "/v1/products/1",
		http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, nil))
	if seen["Upgrade"] != nil || seen["Connection"] != nil {
		t.Errorf("the function got %v", seen)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	d := MustOpen(t, tellHeaders)
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	t.Run("of the client goes on, as a step of its own", func(t *testing.T) {
		t.Parallel()
		seen := MustSeen(t, d.MustDo(t, http.MethodGet, "/v1/products/1",
			http.Header{"Traceparent": {"00-" + trace + "-" + parent + "-01"}, "Tracestate": {"vendor=1"}}, nil))
		got := seen.Get("Traceparent")
		if !strings.HasPrefix(got, "00-"+trace+"-") || !strings.HasSuffix(got, "-01") || strings.Contains(got, parent) {
			t.Errorf("traceparent: %s", got)
		}
		if state := seen.Get("Tracestate"); state != "vendor=1" {
			t.Errorf("tracestate: %s", state)
		}
	})
	t.Run("begins here when the client's is malformed, and drops what rides on it", func(t *testing.T) {
		t.Parallel()
		seen := MustSeen(t, d.MustDo(t, http.MethodGet, "/v1/products/1",
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
		d := MustOpen(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", control) })
		if got := d.MustDo(t, http.MethodGet, "/v1/products/1", nil, nil).header.Get("X-Request-Id"); (got == "") != shared {
			t.Errorf("Cache-Control %q has X-Request-Id %q", control, got)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	d := MustOpen(t, tellHeaders)
	for name, test := range map[string]struct {
		sent []string
		kept bool
	}{
		"of the client is kept":              {[]string{"Order_7:a.b-c"}, true},
		"is made when there is none":         {nil, false},
		"is made when the client's is long":  {[]string{strings.Repeat("a", 129)}, false},
		"is made when the client's is odd":   {[]string{`a","severity":"ERROR`}, false},
		"is made when the client's is empty": {[]string{""}, false},
		"is made when the client sends two":  {[]string{"one", "two"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := d.MustDo(t, http.MethodGet, "/v1/products/1", http.Header{"X-Request-Id": test.sent}, nil)
			got, seen := a.header["X-Request-Id"], MustSeen(t, a)["X-Request-Id"]
			if len(got) != 1 || len(seen) != 1 || got[0] != seen[0] {
				t.Fatalf("the client got %v, the function %v", got, seen)
			}
			if kept := len(test.sent) == 1 && got[0] == test.sent[0]; kept != test.kept || got[0] == "" {
				t.Errorf("sent %v, got %v", test.sent, got)
			}
		})
	}
}
