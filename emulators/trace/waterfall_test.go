package trace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"souk/emulators/trace"
)

// row is what tests compare of a row.
type row struct {
	Name         string
	Depth        int
	Offset, Self time.Duration
	Below        int
	Orphan       bool
}

func mustFind(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, s *trace.Store, n int,
) trace.Waterfall {
	t.Helper()
	found, ok := s.Find(traceID(n).String())
	if !ok {
		t.Fatalf("trace %d was not found", n)
	}
	return found
}

func TestWaterfall(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		spans []*trace.Span
		want  []row
	}{
		"children that arrive before their parent are below it, by their start": {
			[]*trace.Span{newSpan(1, 4, 3, 30, 40), newSpan(1, 3, 1, 25, 50), newSpan(1, 2, 1, 10, 20), newSpan(1, 1, 0, 0, 100)},
			[]row{{"span 1", 0, 0, 65 * ms, 3, false}, {"span 2", 1, 10 * ms, 10 * ms, 0, false},
				{"span 3", 1, 25 * ms, 15 * ms, 1, false}, {"span 4", 2, 30 * ms, 10 * ms, 0, false}},
		},
		"work that continues after its parent ended does not reduce the parent's own time": {
			[]*trace.Span{newSpan(1, 1, 0, 0, 10), newSpan(1, 2, 1, 8, 100), newSpan(1, 3, 1, 20, 30)},
			[]row{{"span 1", 0, 0, 8 * ms, 2, false}, {"span 2", 1, 8 * ms, 92 * ms, 0, false}, {"span 3", 1, 20 * ms, 10 * ms, 0, false}},
		},
		"time of concurrent children counts once": {
			[]*trace.Span{newSpan(1, 1, 0, 0, 100), newSpan(1, 2, 1, 10, 50), newSpan(1, 3, 1, 20, 60), newSpan(1, 4, 1, 30, 40)},
			[]row{{"span 1", 0, 0, 50 * ms, 3, false}, {"span 2", 1, 10 * ms, 40 * ms, 0, false},
				{"span 3", 1, 20 * ms, 40 * ms, 0, false}, {"span 4", 1, 30 * ms, 10 * ms, 0, false}},
		},
		"a span whose parent was not recorded is a root that is marked": {
			[]*trace.Span{newSpan(1, 2, 9, 5, 10), newSpan(1, 1, 0, 0, 3)},
			[]row{{"span 1", 0, 0, 3 * ms, 0, false}, {"span 2", 0, 5 * ms, 5 * ms, 0, true}},
		},
		"a child that a slower clock dates before its parent is drawn before it": {
			[]*trace.Span{newSpan(1, 1, 0, 10, 20), newSpan(1, 2, 1, 8, 12)},
			[]row{{"span 1", 0, 2 * ms, 8 * ms, 1, false}, {"span 2", 1, 0, 4 * ms, 0, false}},
		},
		"a span that ends before it begins has no duration": {
			[]*trace.Span{newSpan(1, 1, 0, 10, 5)},
			[]row{{"span 1", 0, 0, 0, 0, false}},
		},
		"parents in a cycle are cut at the earliest span": {
			[]*trace.Span{newSpan(1, 1, 2, 10, 20), newSpan(1, 2, 1, 5, 20), newSpan(1, 3, 3, 30, 31)},
			[]row{{"span 2", 0, 0, 5 * ms, 1, true}, {"span 1", 1, 5 * ms, 0, 0, false}, {"span 3", 0, 25 * ms, 0, 0, true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := trace.New(trace.Options{})
			s.Add(test.spans...)
			var got []row
			for _, r := range mustFind(t, s, 1).Rows {
				got = append(got, row{r.Name, r.Depth, r.Offset, r.Self, r.Below, r.Orphan})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWaterfallOfAnySpans holds for parents that are missing, late or in cycles.
func TestWaterfallOfAnySpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := trace.New(trace.Options{})
		n := rapid.IntRange(1, 30).Draw(t, "spans")
		for id := 1; id <= n; id++ {
			start := rapid.IntRange(0, 50).Draw(t, "start")
			s.Add(newSpan(1, id, rapid.IntRange(0, n+2).Draw(t, "parent"), start, start+rapid.IntRange(-5, 50).Draw(t, "duration")))
		}
		rows := mustFind(t, s, 1).Rows
		seen := map[string]bool{}
		for i, r := range rows {
			seen[r.Name] = true
			if r.Offset < 0 || r.Self < 0 || r.Self > r.Duration() {
				t.Fatalf("row %d: offset %v, self %v of %v", i, r.Offset, r.Self, r.Duration())
			}
			if r.Depth > 0 && !hasParentAbove(rows[:i], r) {
				t.Fatalf("row %d has depth %d and no parent before it", i, r.Depth)
			}
			if i+r.Below >= len(rows) || i+r.Below+1 < len(rows) && rows[i+r.Below+1].Depth > r.Depth {
				t.Fatalf("row %d of depth %d counts %d rows below it", i, r.Depth, r.Below)
			}
		}
		if len(rows) != n || len(seen) != n {
			t.Fatalf("%d rows of %d spans, want %d", len(rows), len(seen), n)
		}
	})
}

// hasParentAbove reports whether the last row above that is less deep is the parent.
func hasParentAbove(above []trace.Row, r trace.Row) bool {
	for _, a := range slices.Backward(above) {
		if a.Depth < r.Depth {
			return a.Depth == r.Depth-1 && a.ID == r.Parent
		}
	}
	return false
}
