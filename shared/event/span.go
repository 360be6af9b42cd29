package event

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

// startPublish starts the span of publishing events, if ctx's request is sampled.
func startPublish(ctx context.Context, events []Event) (context.Context, telemetry.Span) {
	if !telemetry.Recording(ctx) {
		return ctx, telemetry.Span{}
	}
	return telemetry.Start(ctx, "publish "+events[0].Type, trace.SpanKindProducer,
		semconv.MessagingSystemGCPPubSub, semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(events[0].Type), semconv.MessagingBatchMessageCount(len(events)))
}

// endPublish ends the span with the first error.
func endPublish(span telemetry.Span, errs []error) {
	for _, err := range errs {
		if err != nil {
			span.End(err)
			return
		}
	}
	span.End(nil)
}
