package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var _ sdktrace.SpanExporter = (*Store)(nil)

// ExportSpans stores the spans of a tracer of this process.
func (s *Store) ExportSpans(_ context.Context, in []sdktrace.ReadOnlySpan) error {
	spans := make([]*Span, len(in))
	for i, span := range in {
		spans[i] = importSpan(span)
	}
	s.Add(spans...)
	return nil
}

// Shutdown does nothing: a store outlives the tracers that export to it.
func (s *Store) Shutdown(context.Context) error { return nil }

func importSpan(in sdktrace.ReadOnlySpan) *Span {
	span := &Span{
		TraceID: in.SpanContext().TraceID(),
		ID:      in.SpanContext().SpanID(),
		Parent:  in.Parent().SpanID(),
		Name:    intern(in.Name()),
		Kind:    in.SpanKind(),
		// Without the monotonic reading, so that times of all processes compare alike.
		Start:      in.StartTime().Round(0),
		End:        in.EndTime().Round(0),
		Error:      in.Status().Code == codes.Error,
		Message:    clean(in.Status().Description),
		Attributes: importAttributes(in.Attributes()),
	}
	for _, a := range in.Resource().Attributes() {
		switch a.Key {
		case serviceName:
			span.Service = intern(a.Value.String())
		case serviceInstance:
			span.Instance = intern(a.Value.String())
		}
	}
	for _, e := range head(in.Events(), maxEvents) {
		span.Events = append(span.Events, Event{Name: intern(e.Name), Time: e.Time.Round(0), Attributes: importAttributes(e.Attributes)})
	}
	for _, l := range head(in.Links(), maxEvents) {
		span.Links = append(span.Links, Link{TraceID: l.SpanContext.TraceID(), ID: l.SpanContext.SpanID()})
	}
	return span
}

func importAttributes(in []attribute.KeyValue) []Attribute {
	if len(in) == 0 {
		return nil
	}
	in = head(in, maxAttributes)
	out := make([]Attribute, len(in))
	for i, a := range in {
		out[i] = Attribute{Key: intern(string(a.Key)), Value: clean(a.Value.String())}
	}
	return out
}
