package telemetry

import (
	"context"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// maxSpans bounds the spans that are recorded for one request: an import has one for each
// statement.
const maxSpans = 1000

// recorder is a span processor that assigns the spans of a process to its requests.
type recorder struct {
	mu   sync.Mutex
	open map[trace.SpanID]*recording
}

// recording has the spans of one request. The fields are protected by the recorder's mutex.
type recording struct {
	started []trace.SpanID
	ended   []sdktrace.ReadOnlySpan
}

type recordingKey struct{}

// OnStart adds a span to the recording of its context.
func (r *recorder) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	to, _ := ctx.Value(recordingKey{}).(*recording)
	if to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(to.started) < maxSpans {
		id := span.SpanContext().SpanID()
		to.started = append(to.started, id)
		r.open[id] = to
	}
}

// OnEnd adds the span to those that its request exports.
func (r *recorder) OnEnd(span sdktrace.ReadOnlySpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := span.SpanContext().SpanID()
	if to := r.open[id]; to != nil {
		to.ended = append(to.ended, span)
		delete(r.open, id)
	}
}

// finish returns the spans of a request that have ended. Those that end later are not
// exported: after the request the CPU is throttled.
func (r *recorder) finish(of *recording) []sdktrace.ReadOnlySpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range of.started {
		delete(r.open, id)
	}
	of.started = make([]trace.SpanID, maxSpans) // accepts no more
	return of.ended
}

// ForceFlush does nothing: each request exports its spans.
func (*recorder) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (*recorder) Shutdown(context.Context) error { return nil }
