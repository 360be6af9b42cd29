package telemetry_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// header returns the headers of a request of a trace.
func header(sampled bool) http.Header {
	flags := map[bool]string{true: "-01", false: "-00"}[sampled]
	return http.Header{"Traceparent": {"00-" + traceID + "-" + parentSpan + flags}}
}

// TestSampling checks whose requests are recorded: docs/adr says why.
func TestSampling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config  telemetry.TraceConfig
		trusts  bool
		sampled map[bool]bool // by the flag of the caller
	}{
		"without an endpoint none":                 {telemetry.TraceConfig{SampleRatio: 1}, true, map[bool]bool{true: false, false: false}},
		"a trusted caller decides":                 {telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1"}, true, map[bool]bool{true: true, false: false}},
		"a client cannot force it":                 {telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1"}, false, map[bool]bool{true: false, false: false}},
		"the ratio applies whatever the caller is": {telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1", SampleRatio: 1}, false, map[bool]bool{true: true, false: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer := test.config.NewTracer(telemetry.Process{Service: "order-place", TrustsSampledFlag: test.trusts})
			for flag, want := range test.sampled {
				ctx, request := tracer.Request(t.Context(), header(flag))
				propagated := trace.SpanContextFromContext(ctx)
				if got := request != nil; got != want || propagated.IsSampled() != want || telemetry.Recording(ctx) != want {
					t.Errorf("flag %t: sampled %t, propagated %t, recording %t, want %t", flag, got, propagated.IsSampled(), telemetry.Recording(ctx), want)
				}
				if id := propagated.TraceID().String(); id != traceID {
					t.Errorf("the trace is %s, want the caller's", id)
				}
			}
		})
	}
	t.Run("a sampler decides in place of the caller", func(t *testing.T) {
		t.Parallel()
		for _, want := range []bool{true, false} {
			tracer := telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1"}.NewTracer(telemetry.Process{
				Service: "gateway", TrustsSampledFlag: true, Sampler: func(bool) bool { return want },
			})
			if _, request := tracer.Request(t.Context(), header(!want)); (request != nil) != want {
				t.Errorf("sampled %t, want %t", request != nil, want)
			}
		}
	})
	t.Run("a message follows its publisher on Cloud Run too", func(t *testing.T) {
		t.Parallel()
		tracer := telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1"}.NewTracer(telemetry.Process{})
		ctx, request := tracer.Request(t.Context(), http.Header{})
		if _, moved := tracer.Message(ctx, request, header(true).Get("traceparent"), time.Now()); moved == nil {
			t.Error("a message of a sampled trace is not recorded")
		}
		if _, moved := tracer.Message(ctx, request, header(false).Get("traceparent"), time.Now()); moved != nil {
			t.Error("a message of a trace that is not sampled is recorded")
		}
	})
	t.Run("settings that cannot work are refused", func(t *testing.T) {
		t.Parallel()
		for _, c := range []telemetry.TraceConfig{
			{Endpoint: "127.0.0.1:4318"}, {Endpoint: "ftp://x"}, {Endpoint: "http://:4318"}, {Endpoint: "http://user:secret@x"},
			{Endpoint: "http://x?a=b"}, {Endpoint: "http://x#a"}, {Endpoint: "http://x#"}, {Endpoint: "http://x:99999"},
			{Endpoint: "http://x:0"}, {SampleRatio: 1.5}, {SampleRatio: -1},
		} {
			if c.Validate() == nil {
				t.Errorf("%+v is accepted", c)
			}
		}
	})
}

// TestExport checks that the spans of a request are exported before it ends, and that errors
// do not fail it.
func TestExport(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, tracer *telemetry.Tracer) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		ctx, request := tracer.Request(ctx, header(true))
		_, child := telemetry.Start(ctx, "child", trace.SpanKindInternal)
		child.End(nil)
		_, open := telemetry.Start(ctx, "still open", trace.SpanKindInternal)
		telemetry.Record(ctx, telemetry.EndedSpan{Name: "past", Start: time.Now().Add(-time.Second), End: time.Now(), Parent: header(true).Get("traceparent")})
		cancel() // the client has disconnected
		request.End(ctx)
		open.End(nil)
	}

	t.Run("one export has the spans of a request that have ended", func(t *testing.T) {
		t.Parallel()
		receiver := telemetrytest.NewReceiver(t)
		run(t, telemetry.TraceConfig{Endpoint: receiver.URL}.NewTracer(telemetry.Process{Service: "order-place", TrustsSampledFlag: true}))
		spans := receiver.Spans(traceID)
		var names []string
		for _, span := range spans {
			names = append(names, span.Service+": "+span.Name)
		}
		if diff := cmp.Diff([]string{"order-place: child", "order-place: past", "order-place: request"}, names); diff != "" || receiver.Requests() != 1 {
			t.Fatalf("%d exports: %s", receiver.Requests(), diff)
		}
		if spans[0].ParentID != spans[2].SpanID || spans[1].ParentID != parentSpan || spans[2].ParentID != parentSpan {
			t.Errorf("the parents are not those of the trace: %+v", spans)
		}
	})
	t.Run("a receiver that does not respond does not hold the request", func(t *testing.T) {
		t.Parallel()
		received := make(chan struct{})
		hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the end of the connection
			close(received)
			<-r.Context().Done()
		}))
		t.Cleanup(hanging.Close)
		run(t, telemetry.TraceConfig{Endpoint: hanging.URL}.NewTracer(telemetry.Process{TrustsSampledFlag: true}))
		<-received
	})
	t.Run("a receiver that refuses is left alone for a while", func(t *testing.T) {
		t.Parallel()
		receiver := telemetrytest.NewReceiver(t)
		receiver.Fail(http.StatusServiceUnavailable)
		tracer := telemetry.TraceConfig{Endpoint: receiver.URL}.NewTracer(telemetry.Process{TrustsSampledFlag: true})
		run(t, tracer)
		run(t, tracer)
		if got := receiver.Requests(); got != 1 {
			t.Errorf("%d exports were tried, want one", got)
		}
	})
}
