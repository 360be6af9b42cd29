package cloudrun

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"souk/shared/telemetry"
)

// TestWaitSpan requires that the wait of a sampled request for the start of an instance is a
// span in its trace, and that requests that are not sampled or do not wait have none.
func TestWaitSpan(t *testing.T) {
	t.Parallel()
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for flags, want := range map[string]int{"01": 1, "00": 0} {
		t.Run("flags "+flags, func(t *testing.T) {
			t.Parallel()
			recorded := tracetest.NewInMemoryExporter()
			p := mustStart(t, "", func(o *Options) { o.Tracer = telemetry.NewLocalTracer("cloudrun", recorded, telemetry.ParentBased) })
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL("hello")+"/", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(telemetry.TraceparentKey, "00-"+trace+"-"+parent+"-"+flags)
			response, err := p.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
			spans := recorded.GetSpans()
			if len(spans) != want {
				t.Fatalf("%d spans, want %d: %+v", len(spans), want, spans)
			}
			if want == 0 {
				return
			}
			cold := attribute.NewSet(spans[0].Attributes...)
			started, _ := cold.Value("faas.coldstart")
			if spans[0].Name != "wait for an instance of hello" || spans[0].Parent.SpanID().String() != parent || !started.AsBool() {
				t.Errorf("the span is %+v", spans[0])
			}
		})
	}
}
