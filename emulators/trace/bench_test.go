package trace_test

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/trace"
)

// BenchmarkReceive is the cost of one OTLP request with the spans of one request to a
// function: the server's part without the network.
func BenchmarkReceive(b *testing.B) {
	for _, spans := range []int{6, 512} {
		b.Run(map[int]string{6: "6 spans", 512: "512 spans"}[spans], func(b *testing.B) {
			body := compress(request(spans))
			s := trace.New(trace.Options{})
			b.ReportAllocs()
			for b.Loop() {
				if w := post(s, body, "Content-Encoding", "gzip"); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// BenchmarkExport is the cost of a span of the same process.
func BenchmarkExport(b *testing.B) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(trace.New(trace.Options{})))
	tracer := provider.Tracer("test")
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(b.Context(), "GET /products/{productId}", oteltrace.WithAttributes(
			attribute.String("http.request.method", http.MethodGet), attribute.Int("http.response.status_code", http.StatusOK)))
		span.End()
	}
}
