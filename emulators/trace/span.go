// Package trace receives the spans of a local system, stores the newest in memory, and
// finds and arranges them for the console.
package trace

import (
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Names of attributes that the store reads.
const (
	// OrderID is the id of the order that a span is about.
	OrderID = "souk.order_id"

	serviceName     = "service.name"
	serviceInstance = "service.instance.id"
)

// Span is one recorded operation. It is never changed after it was stored.
type Span struct {
	TraceID trace.TraceID
	ID      trace.SpanID
	// Parent is zero for the root of a trace.
	Parent trace.SpanID
	// Service is the function or the part of the local cloud that recorded the span.
	Service string
	// Instance is the process that recorded the span, where known.
	Instance   string
	Name       string
	Kind       trace.SpanKind
	Start, End time.Time
	// Error reports whether the operation failed; Message is the reason, where known.
	Error      bool
	Message    string
	Attributes []Attribute
	Events     []Event
	// Links are spans of this or other traces that caused this one, besides its parent.
	Links []Link
}

// Attribute is a property of a span. Values of all types are formatted as text.
type Attribute struct{ Key, Value string }

// Event is something that happened at one moment of a span, such as an exception.
type Event struct {
	Name       string
	Time       time.Time
	Attributes []Attribute
}

// Link refers to a span.
type Link struct {
	TraceID trace.TraceID
	ID      trace.SpanID
}

// Duration returns how long the operation took, at least 0.
func (s *Span) Duration() time.Duration { return max(s.End.Sub(s.Start), 0) }

// Attribute returns the value of an attribute, "" if the span does not have it.
func (s *Span) Attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// Sizes of the parts of a span in memory, on a 64-bit machine, for the store's bound.
const (
	spanBytes      = 280 // with its entry in the index of ids
	attributeBytes = 32
	eventBytes     = 64
	linkBytes      = 24
)

// size estimates the memory of a span. Names and keys count in full, although equal ones
// share their memory.
func (s *Span) size() int {
	n := spanBytes + len(s.Name) + len(s.Message) + attributesSize(s.Attributes) + linkBytes*len(s.Links)
	for _, e := range s.Events {
		n += eventBytes + len(e.Name) + attributesSize(e.Attributes)
	}
	return n
}

func attributesSize(attributes []Attribute) int {
	n := attributeBytes * len(attributes)
	for _, a := range attributes {
		n += len(a.Key) + len(a.Value)
	}
	return n
}
