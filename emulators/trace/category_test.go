package trace_test

import (
	"testing"

	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/trace"
)

func TestCategory(t *testing.T) {
	t.Parallel()
	span := func(name string, kind oteltrace.SpanKind, attributes ...string) *trace.Span {
		s := &trace.Span{Name: name, Kind: kind}
		for i := 0; i < len(attributes); i += 2 {
			s.Attributes = append(s.Attributes, trace.Attribute{Key: attributes[i], Value: attributes[i+1]})
		}
		return s
	}
	for _, test := range []struct {
		span *trace.Span
		want trace.Category
	}{
		{span("POST /v1/orders", oteltrace.SpanKindServer, "http.request.method", "POST"), trace.Request},
		{span("SELECT orders", oteltrace.SpanKindClient, "db.query.text", "SELECT 1"), trace.SQL},
		{span("COMMIT", oteltrace.SpanKindClient, "db.system.name", "mysql"), trace.SQL},
		{span("wait in order-confirm.stock-reserved", oteltrace.SpanKindInternal, "messaging.system", "gcp_pubsub"), trace.Wait},
		{span("publish order-placed", oteltrace.SpanKindProducer, "messaging.operation.type", "send"), trace.Publish},
		{span("process order-placed", oteltrace.SpanKindServer, "messaging.operation.type", "process"), trace.Process},
		{span("push stock-reserve.order-placed", oteltrace.SpanKindClient), trace.Push},
		{span("send mail", oteltrace.SpanKindClient, "network.protocol.name", "smtp"), trace.Mail},
		{span("cold start", oteltrace.SpanKindInternal), trace.Start},
		{span("wait for an instance of order-place", oteltrace.SpanKindInternal), trace.Start},
		{span("transaction", oteltrace.SpanKindInternal), trace.Internal},
	} {
		if got := test.span.Category(); got != test.want {
			t.Errorf("%s: category %s, want %s", test.span.Name, got, test.want)
		}
	}
}
