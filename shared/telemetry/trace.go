package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceparentKey is the name of the header and of the message attribute that propagate a
// trace (W3C Trace Context).
const TraceparentKey = "traceparent"

var w3c propagation.TraceContext

// FromHeader returns a context that continues the trace of a request's header,
// or begins a new trace if the header has no valid one.
func FromHeader(ctx context.Context, header http.Header) context.Context {
	return next(w3c.Extract(ctx, propagation.HeaderCarrier(header)))
}

// ToHeader writes the context's trace into a request's header.
func ToHeader(ctx context.Context, header http.Header) {
	w3c.Inject(ctx, propagation.HeaderCarrier(header))
}

// FromTraceparent returns a context that continues the trace of a message's
// traceparent attribute, else the trace of ctx, else begins a new one.
func FromTraceparent(ctx context.Context, traceparent string) context.Context {
	return next(w3c.Extract(ctx, propagation.MapCarrier{TraceparentKey: traceparent}))
}

// Traceparent returns the context's trace as a traceparent, or "" if there is none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier[TraceparentKey]
}

// TraceID returns the context's trace id, 32 hexadecimal digits, or "" if there is none.
func TraceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

// next returns a context with a new span of the trace, or of a new trace. The span is not
// recorded: only its id is used.
func next(ctx context.Context) context.Context {
	parent := trace.SpanContextFromContext(ctx)
	created := trace.SpanContextConfig{
		TraceID: parent.TraceID(), SpanID: newSpanID(), TraceState: parent.TraceState(),
		TraceFlags: parent.TraceFlags().WithSampled(false),
	}
	if !parent.HasTraceID() {
		binary.BigEndian.PutUint64(created.TraceID[:8], randomNumber())
		binary.BigEndian.PutUint64(created.TraceID[8:], randomNumber())
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(created))
}

func newSpanID() (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], randomNumber())
	return id
}

// randomNumber returns a random number that is not 0: ids of zeros are invalid. Ids of traces are
// no secrets.
func randomNumber() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}
