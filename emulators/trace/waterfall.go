package trace

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Waterfall is a trace in the order in which its spans are drawn.
type Waterfall struct {
	Summary
	Rows []Row
}

// Row is a span in a waterfall, after its parent and before its children.
type Row struct {
	*Span
	// Depth is the number of ancestors that were recorded.
	Depth int
	// Offset is from the start of the trace to the start of the span.
	Offset time.Duration
	// Self is the part of the duration in which no child ran.
	Self time.Duration
	// Children is the number of spans directly below, Below of all below.
	Children, Below int
	// Orphan reports whether the span has a parent that was not recorded, or not yet.
	Orphan bool
}

// arrange orders spans: each after its parent, siblings by their start. Spans without a
// recorded parent are roots. Parents that form a cycle, which only a broken exporter
// sends, are cut at the earliest span.
func arrange(summary Summary, spans []*Span) Waterfall {
	slices.SortStableFunc(spans, func(a, b *Span) int {
		// The longer of two that start together is first: it may contain the other.
		return cmp.Or(a.Start.Compare(b.Start), b.End.Compare(a.End), bytes.Compare(a.ID[:], b.ID[:]))
	})
	t := tree{start: summary.Start, children: map[trace.SpanID][]*Span{}, placed: map[trace.SpanID]struct{}{}}
	recorded := map[trace.SpanID]struct{}{}
	for _, s := range spans {
		recorded[s.ID] = struct{}{}
	}
	var roots []*Span
	for _, s := range spans {
		if _, found := recorded[s.Parent]; found {
			t.children[s.Parent] = append(t.children[s.Parent], s)
			continue
		}
		roots = append(roots, s)
	}
	for _, s := range roots {
		t.place(s, 0, s.Parent.IsValid())
	}
	for _, s := range spans { // those in cycles
		t.place(s, 0, true)
	}
	return Waterfall{Summary: summary, Rows: t.rows}
}

// tree places spans in rows.
type tree struct {
	start    time.Time
	children map[trace.SpanID][]*Span
	placed   map[trace.SpanID]struct{}
	rows     []Row
}

// place appends a span and all below it, unless it has its place. The depth of the
// recursion is bounded by the number of spans in a trace.
func (t *tree) place(s *Span, depth int, orphan bool) {
	if _, found := t.placed[s.ID]; found {
		return
	}
	t.placed[s.ID] = struct{}{}
	i, children := len(t.rows), t.children[s.ID]
	t.rows = append(t.rows, Row{
		Span: s, Depth: depth, Offset: s.Start.Sub(t.start), Self: selfTime(s, children), Children: len(children), Orphan: orphan,
	})
	for _, child := range children {
		t.place(child, depth+1, false)
	}
	t.rows[i].Below = len(t.rows) - i - 1
}

// selfTime returns the part of a span's duration in which none of its children, which
// are sorted by their start, ran.
func selfTime(s *Span, children []*Span) time.Duration {
	self, covered := s.Duration(), s.Start
	for _, child := range children {
		from, to := latest(child.Start, covered), earliest(child.End, s.End)
		if to.After(from) {
			self -= to.Sub(from)
			covered = to
		}
	}
	return self
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
