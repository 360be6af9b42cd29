package telemetry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Recording reports whether the context's request is sampled. Code that needs attributes
// checks it first, so that a request that is not sampled costs one look-up in its context.
func Recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Start starts a child of the context's span. If that is not recorded, neither is the child.
// Attributes are constants, names of resources and ids, never values, which may be personal
// data or secrets.
//
//nolint:spancheck // Span.End ends it
func Start(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, Span{span}
}

// EndedSpan is a span that has ended before it is recorded.
type EndedSpan struct {
	Name       string
	Start, End time.Time
	// Parent is the traceparent of the span's parent in the same trace; "" stands for the
	// context's span.
	Parent     string
	Attributes []attribute.KeyValue
}

// Record records a span that has ended, with the context's span if that is recorded.
func Record(ctx context.Context, ended EndedSpan) {
	recording := trace.SpanFromContext(ctx)
	if !recording.IsRecording() {
		return
	}
	if ended.Parent != "" {
		ctx = w3c.Extract(ctx, propagation.MapCarrier{TraceparentKey: ended.Parent})
	}
	_, span := recording.TracerProvider().Tracer(scope).Start(ctx, ended.Name, trace.WithTimestamp(ended.Start), trace.WithAttributes(ended.Attributes...))
	span.End(trace.WithTimestamp(ended.End))
}

// SetAggregateID sets the attribute souk.TYPE_id, by which traces are searched, on the
// context's span.
func SetAggregateID(ctx context.Context, aggregateType string, id uuid.UUID) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("souk."+aggregateType+"_id", id.String()))
	}
}

// Span is a span that Start has started. The zero Span records nothing.
type Span struct{ span trace.Span }

// Set sets attributes.
func (s Span) Set(attributes ...attribute.KeyValue) {
	if s.span != nil {
		s.span.SetAttributes(attributes...)
	}
}

// Event adds an event.
func (s Span) Event(name string, attributes ...attribute.KeyValue) {
	if s.span != nil {
		s.span.AddEvent(name, trace.WithAttributes(attributes...))
	}
}

// End ends the span. An error becomes its status, by type: its text may have values.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
		s.span.SetAttributes(semconv.ErrorTypeKey.String(ErrorType(err)))
	}
	s.span.End()
}

// ErrorType returns the type of the innermost error.
func ErrorType(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}
