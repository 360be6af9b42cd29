package pubsub

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"souk/shared/telemetry"
)

// TestPushTrace pushes a message of a sampled trace and one of a trace that is not: only the
// first push has a span and the header traceparent, in the trace of the message.
func TestPushTrace(t *testing.T) {
	t.Parallel()
	var received string
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received = r.Header.Get("Traceparent") }))
	t.Cleanup(endpoint.Close)
	config := &pb.Subscription{
		Name: "projects/souk/subscriptions/stock-reserve.order-placed", AckDeadlineSeconds: 10,
		PushConfig: &pb.PushConfig{PushEndpoint: endpoint.URL},
	}
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for flag, want := range map[string]int{"-01": 1, "-00": 0} {
		recorded := tracetest.NewInMemoryExporter()
		p := newPusher(Options{Tracer: telemetry.NewLocalTracer("pubsub", recorded, telemetry.ParentBased)})
		message := &pb.PubsubMessage{MessageId: "1", Attributes: map[string]string{"traceparent": "00-" + trace + "-" + parent + flag}}
		if got := p.tracedPost(config, message, 2); !got.acknowledged {
			t.Fatalf("the push failed: %s", got.reason)
		}
		spans := recorded.GetSpans()
		if len(spans) != want || strings.HasPrefix(received, "00-"+trace+"-") != (want == 1) {
			t.Errorf("flag %s: %d spans and traceparent %q", flag, len(spans), received)
		}
		if want == 1 && (spans[0].Name != "push stock-reserve.order-placed" || spans[0].Parent.SpanID().String() != parent) {
			t.Errorf("the span is %+v", spans[0])
		}
		if err := recorded.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		p.closeIdle()
	}
}
