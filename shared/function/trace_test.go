package function

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/event"
	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// TestColdStart requires that the start of a process is in the trace of its first request, also
// if that is a message of another trace, and in no other.
func TestColdStart(t *testing.T) {
	t.Parallel()
	const requested, published = "4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4737"
	traceparent := func(trace, flags string) string { return "00-" + trace + "-00f067aa0ba902b7-" + flags }
	for name, test := range map[string]struct {
		request, message string // traceparents
		want             []string
		trace            string
		age              time.Duration // since the process listens
	}{
		"a request":                      {traceparent(requested, "01"), "", []string{"cold start", "request", "request"}, requested, 0},
		"a request long after the start": {traceparent(requested, "01"), "", []string{"request", "request"}, requested, time.Minute},
		"a message of its trace":         {traceparent(requested, "01"), traceparent(requested, "01"), []string{"cold start", "process ", "process "}, requested, 0},
		"a message of another":           {traceparent(requested, "00"), traceparent(published, "01"), []string{"cold start", "authorize", "process ", "authorize", "process "}, published, 0},
		"a request that is not sampled":  {traceparent(requested, "00"), "", nil, requested, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := telemetrytest.NewReceiver(t)
			tracer := telemetry.TraceConfig{Endpoint: receiver.URL}.NewTracer(telemetry.Process{TrustsSampledFlag: true})
			s := &server{Runtime: &Runtime{options: Options{Tracer: tracer}}, coldStart: coldStart{listening: time.Now().Add(-test.age)}}
			handler := observe(s, endpoint{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.message != "" {
					s.continueTrace(w, r, event.Push{}, event.Event{Traceparent: test.message})
				}
			})})
			for range 2 {
				r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
				r.Header.Set(telemetry.TraceparentKey, test.request)
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
			var got []string
			for _, span := range receiver.Spans(test.trace) {
				got = append(got, span.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPanicSpan requires that a panic fails the span of its request, which has not its text.
func TestPanicSpan(t *testing.T) {
	t.Parallel()
	const trace, text = "6bf92f3577b34da6a3ce929d0e0e4738", "ada@example.com"
	receiver := telemetrytest.NewReceiver(t)
	tracer := telemetry.TraceConfig{Endpoint: receiver.URL}.NewTracer(telemetry.Process{TrustsSampledFlag: true})
	s := &server{Runtime: &Runtime{options: Options{Tracer: tracer}}}
	handler := observe(s, endpoint{handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, span := telemetry.Start(r.Context(), "child", 0)
		defer span.End(nil)
		panic(text)
	})})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set(telemetry.TraceparentKey, "00-"+trace+"-00f067aa0ba902b7-01")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	spans := receiver.Spans(trace)
	if len(spans) != 2 || !spans[1].Failed || spans[1].Attributes["http.response.status_code"] != "500" {
		t.Errorf("the spans are %+v", spans)
	}
	for _, span := range spans {
		if strings.Contains(span.Text, text) {
			t.Errorf("span %s has the text of the panic: %s", span.Name, span.Text)
		}
	}
}
