package trace

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Bounds of a store by default, and of each trace in it.
const (
	DefaultTraces = 2000
	DefaultBytes  = 32 << 20
	// maxSpans bounds the spans of one trace: a waterfall of more is not readable.
	maxSpans = 5000
	// maxNames bounds the services and the orders of one trace that searches find.
	maxNames = 100
	// DefaultReadTimeout is less than exporters wait for a response.
	DefaultReadTimeout = 5 * time.Second
)

// Options bounds a store. Zero values are the defaults.
type Options struct {
	// Traces is the largest number of traces.
	Traces int
	// Bytes is the estimated memory of all spans.
	Bytes int
	// ReadTimeout is how long a client may take to send a request.
	ReadTimeout time.Duration
}

// Store contains the newest traces: the oldest are removed when it is full. It is
// safe for concurrent use, and allocates nothing before the first span.
type Store struct {
	options Options

	mu sync.Mutex
	// traces are all, by id, and order the same, oldest first by their first span.
	traces map[trace.TraceID]*record
	order  []*record
	bytes  int
	// version counts the changes.
	version uint64
	// dropped counts the spans that were refused, removed the traces that made room.
	dropped, removed int64

	receiver receiver
}

// record is a trace with what searches read of it.
type record struct {
	id    trace.TraceID
	spans []*Span
	ids   map[trace.SpanID]struct{}
	bytes int
	// start and end are those of the earliest and the latest span.
	start, end time.Time
	errors     int
	// services and orders are the distinct ones of the spans.
	services, orders []string
}

// New returns an empty store.
func New(options Options) *Store {
	if options.Traces <= 0 {
		options.Traces = DefaultTraces
	}
	if options.Bytes <= 0 {
		options.Bytes = DefaultBytes
	}
	if options.ReadTimeout <= 0 {
		options.ReadTimeout = DefaultReadTimeout
	}
	return &Store{options: options, receiver: newReceiver()}
}

// Add stores spans and returns how many it refused: those without ids, and those of
// traces that have reached their limit. A span that is there already is ignored: exporters
// repeat requests without a response.
func (s *Store) Add(spans ...*Span) (refused int) { return s.store(spans, 0) }

// store stores spans, and counts them with others that were refused.
func (s *Store) store(spans []*Span, refused int) int {
	if len(spans)+refused == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range spans {
		if !span.TraceID.IsValid() || !span.ID.IsValid() || !s.add(span) {
			refused++
		}
	}
	s.version++
	s.dropped += int64(refused)
	s.makeRoom()
	return refused
}

func (s *Store) add(span *Span) bool {
	r := s.traces[span.TraceID]
	if r == nil {
		r = &record{id: span.TraceID, ids: map[trace.SpanID]struct{}{}, start: span.Start, end: span.End}
		if s.traces == nil {
			s.traces = map[trace.TraceID]*record{}
		}
		s.traces[span.TraceID] = r
		s.order = append(s.order, r)
	}
	if _, found := r.ids[span.ID]; found {
		return true
	}
	if len(r.spans) >= maxSpans {
		return false
	}
	r.add(span)
	s.bytes += span.size()
	return true
}

func (r *record) add(span *Span) {
	r.ids[span.ID] = struct{}{}
	r.spans = append(r.spans, span)
	r.bytes += span.size()
	if span.Start.Before(r.start) {
		r.start = span.Start
	}
	if span.End.After(r.end) {
		r.end = span.End
	}
	if span.Error {
		r.errors++
	}
	r.services = appendNew(r.services, span.Service)
	for _, a := range span.Attributes {
		if a.Key == OrderID {
			r.orders = appendNew(r.orders, a.Value)
		}
	}
}

// duration returns the time from the earliest start to the latest end, at least 0.
func (r *record) duration() time.Duration { return max(r.end.Sub(r.start), 0) }

// appendNew appends a text that is not empty and not in the list, unless it is full.
func appendNew(list []string, text string) []string {
	if text == "" || len(list) >= maxNames || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// makeRoom removes the oldest traces until the bounds hold.
func (s *Store) makeRoom() {
	n := 0
	for len(s.order)-n > s.options.Traces || s.bytes > s.options.Bytes && n < len(s.order) {
		oldest := s.order[n]
		delete(s.traces, oldest.id)
		s.bytes -= oldest.bytes
		s.order[n] = nil // the array behind the slice must not hold it
		n++
	}
	s.order = s.order[n:]
	s.removed += int64(n)
}

// Stats describes what a store contains.
type Stats struct {
	Traces int `json:"traces"`
	// Bytes is the estimated memory of the spans.
	Bytes int `json:"bytes"`
	// Removed counts the traces that made room for newer ones, Refused the spans that
	// were not stored.
	Removed int64 `json:"removed"`
	Refused int64 `json:"refused"`
	// Version changes whenever spans arrive.
	Version uint64 `json:"version"`
}

// Stats returns the number of traces and their memory. It is cheap.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Traces: len(s.order), Bytes: s.bytes, Removed: s.removed, Refused: s.dropped, Version: s.version}
}

// Clear removes all traces.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traces, s.order, s.bytes = nil, nil, 0
	s.version++
}
