package telemetry

import (
	"context"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of all spans and metrics.
const scope = "souk"

// Sampler decides whether the spans of a request are recorded. parent reports whether the
// request's traceparent has the sampled flag, which any client may set.
type Sampler func(parent bool) bool

// ParentBased samples the requests that the caller samples.
func ParentBased(parent bool) bool { return parent }

// Tracer starts the spans of requests. The zero Tracer and nil record nothing: they only
// generate the ids of traces.
type Tracer struct {
	tracer  trace.Tracer // nil if nothing is recorded
	sampler Sampler
	// recorder and exporter export the spans of each request before it ends. They are nil if
	// every span is exported when it ends.
	recorder *recorder
	exporter *exporter
}

// NewLocalTracer returns a new Tracer of a part of a local system. It passes every span to
// the exporter when the span ends. A nil exporter records nothing.
func NewLocalTracer(service string, out sdktrace.SpanExporter, sampler Sampler) *Tracer {
	if out == nil || sampler == nil {
		return &Tracer{}
	}
	return &Tracer{tracer: newProvider(sdktrace.WithSyncer(out), semconv.ServiceName(service)), sampler: sampler}
}

// newTracer returns a new Tracer that exports the spans of each request before it ends.
func newTracer(e *exporter, sampler Sampler, attributes ...attribute.KeyValue) *Tracer {
	r := &recorder{open: map[trace.SpanID]*recording{}}
	return &Tracer{tracer: newProvider(sdktrace.WithSpanProcessor(r), attributes...), sampler: sampler, recorder: r, exporter: e}
}

// newProvider returns the tracer of a new provider. It records every span that is started
// by it: which ones, the Tracer decides. The limits bound the size of an export.
func newProvider(processor sdktrace.TracerProviderOption, attributes ...attribute.KeyValue) trace.Tracer {
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxAttribute
	return sdktrace.NewTracerProvider(processor,
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithoutPanicRecording(), // the text of a panic may have personal data
		sdktrace.WithResource(resource.NewSchemaless(append(attributes, semconv.ProcessPID(os.Getpid()))...)),
	).Tracer(scope)
}

// maxAttribute is the length to which the values of attributes are cut.
const maxAttribute = 2000

// LostSpans returns how many spans of sampled requests could not be exported.
func (t *Tracer) LostSpans() int64 {
	if t == nil || t.exporter == nil {
		return 0
	}
	return t.exporter.lostSpans()
}

// Request is the recording of a request's spans. A nil Request is a request that is not
// sampled.
type Request struct {
	span      trace.Span
	tracer    *Tracer
	recording *recording // nil if spans are exported when they end
}

// Request returns a context that continues the trace of a request's header, or begins a new
// trace, with a new span. The Request is nil unless the request is sampled.
func (t *Tracer) Request(ctx context.Context, header http.Header) (context.Context, *Request) {
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(header))
	if t == nil || t.tracer == nil || !t.sampler(trace.SpanContextFromContext(ctx).IsSampled()) {
		return next(ctx), nil
	}
	return t.start(ctx, time.Now(), trace.SpanKindServer)
}

// Message is like Request, for a request since begin that delivers a message with a
// traceparent attribute: it continues the trace of the message's publisher, which is
// sampled or not for all of its consumers. It returns the context and Request of the request
// itself if that is in the same trace, or if the attribute has no valid trace.
func (t *Tracer) Message(ctx context.Context, r *Request, traceparent string, begin time.Time) (context.Context, *Request) {
	message := trace.SpanContextFromContext(w3c.Extract(context.Background(), propagation.MapCarrier{TraceparentKey: traceparent}))
	if !message.IsValid() || message.TraceID() == trace.SpanContextFromContext(ctx).TraceID() {
		return ctx, r
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, message)
	if t == nil || t.tracer == nil || !message.IsSampled() {
		return next(ctx), nil
	}
	return t.start(ctx, begin, trace.SpanKindConsumer)
}

// Record records a span that has ended in the trace that a traceparent continues, if that is
// sampled.
func (t *Tracer) Record(traceparent string, ended EndedSpan) {
	parent := w3c.Extract(context.Background(), propagation.MapCarrier{TraceparentKey: traceparent})
	if t == nil || t.tracer == nil || !trace.SpanContextFromContext(parent).IsSampled() {
		return
	}
	_, span := t.tracer.Start(parent, ended.Name, trace.WithTimestamp(ended.Start), trace.WithAttributes(ended.Attributes...))
	span.End(trace.WithTimestamp(ended.End))
}

// Follow starts a span of a trace that a traceparent continues, if that is sampled.
//
//nolint:spancheck // Span.End ends it
func (t *Tracer) Follow(ctx context.Context, traceparent, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, Span) {
	ctx = w3c.Extract(ctx, propagation.MapCarrier{TraceparentKey: traceparent})
	if t == nil || t.tracer == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, Span{span}
}

func (t *Tracer) start(ctx context.Context, begin time.Time, kind trace.SpanKind) (context.Context, *Request) {
	r := &Request{tracer: t}
	if t.recorder != nil {
		r.recording = &recording{}
		ctx = context.WithValue(ctx, recordingKey{}, r.recording)
	}
	ctx, r.span = t.tracer.Start(ctx, "request", trace.WithSpanKind(kind), trace.WithTimestamp(begin)) //nolint:spancheck // End ends it
	return ctx, r
}

// Span returns the span of the request. It is not recorded if the request is not sampled.
func (r *Request) Span() trace.Span {
	if r == nil {
		return trace.SpanFromContext(context.Background())
	}
	return r.span
}

// End ends the request's span and exports the spans of the request that have ended. It
// returns after exportTimeout at the latest, also if ctx has ended.
func (r *Request) End(ctx context.Context) {
	if r == nil {
		return
	}
	r.span.End()
	if r.recording != nil {
		r.tracer.exporter.export(ctx, r.tracer.recorder.finish(r.recording))
	}
}
