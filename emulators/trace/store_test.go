package trace_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/trace"
)

var epoch = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func traceID(n int) (id oteltrace.TraceID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func spanID(n int) (id oteltrace.SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// newSpan returns a span of trace n that begins and ends so many milliseconds after the epoch.
func newSpan(n, id, parent, start, end int) *trace.Span {
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	return &trace.Span{
		TraceID: traceID(n), ID: spanID(id), Parent: spanID(parent),
		Service: "order-place", Name: fmt.Sprintf("span %d", id), Start: at(start), End: at(end),
	}
}

func ids(found []trace.Summary) []string {
	list := []string{}
	for _, s := range found {
		list = append(list, s.ID)
	}
	return list
}

// TestEmptyStore is not parallel, for allocations are counted of the whole process.
func TestEmptyStore(t *testing.T) {
	if n := testing.AllocsPerRun(10, func() { trace.New(trace.Options{}).Stats() }); n > 8 {
		t.Errorf("%v allocations", n)
	}
}

func TestStoreIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("the newest traces are retained", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{Traces: 3})
		for n := 1; n <= 5; n++ {
			s.Add(newSpan(n, 1, 0, n, n+1))
		}
		want := []string{traceID(5).String(), traceID(4).String(), traceID(3).String()}
		if diff := cmp.Diff(want, ids(s.Search(trace.Query{}))); diff != "" {
			t.Errorf("traces (-want +got):\n%s", diff)
		}
		if got := s.Stats(); got.Traces != 3 || got.Removed != 2 {
			t.Errorf("stats %+v", got)
		}
		if _, found := s.Find(traceID(1).String()); found {
			t.Error("a removed trace is found")
		}
	})
	t.Run("the memory of all spans has a bound", func(t *testing.T) {
		t.Parallel()
		const bound = 1 << 20
		s := trace.New(trace.Options{Bytes: bound})
		for n := 1; n <= 2000; n++ {
			span := newSpan(n, 1, 0, n, n+1)
			span.Attributes = []trace.Attribute{{Key: "db.query.text", Value: strings.Repeat("x", 2000)}}
			s.Add(span)
			if got := s.Stats().Bytes; got > bound {
				t.Fatalf("%d bytes after %d spans", got, n)
			}
		}
		if got := s.Stats(); got.Bytes < bound/2 || got.Removed == 0 {
			t.Errorf("stats %+v", got)
		}
	})
	t.Run("a removed trace gives its memory back", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{Traces: 1})
		s.Add(newSpan(1, 1, 0, 1, 2))
		one := s.Stats().Bytes
		for n := 2; n <= 50; n++ {
			s.Add(newSpan(n, 1, 0, 1, 2))
		}
		if got := s.Stats().Bytes; got != one {
			t.Errorf("%d bytes, want %d", got, one)
		}
	})
	t.Run("a trace has a bounded number of spans, and the others are refused", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		refused := 0
		for id := 1; id <= 5010; id++ {
			refused += s.Add(newSpan(1, id, 0, id, id+1))
		}
		if got := s.Stats().Refused; refused != 10 || got != 10 {
			t.Errorf("%d refused, stats report %d", refused, got)
		}
	})
}

func TestAdd(t *testing.T) {
	t.Parallel()
	t.Run("a span that is sent again is stored once", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		failed := newSpan(1, 1, 0, 1, 2)
		failed.Error = true
		s.Add(failed, newSpan(1, 2, 1, 1, 2))
		s.Add(failed)
		if got := s.Search(trace.Query{})[0]; got.Spans != 2 || got.Errors != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("spans without ids are refused", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		if refused := s.Add(newSpan(0, 1, 0, 1, 2), newSpan(1, 0, 0, 1, 2), newSpan(1, 1, 0, 1, 2)); refused != 2 {
			t.Errorf("%d refused", refused)
		}
		if got := s.Stats().Traces; got != 1 {
			t.Errorf("%d traces", got)
		}
	})
	t.Run("a span that ends before it begins is found, without a duration", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		s.Add(newSpan(1, 1, 0, 10, 5))
		if got := s.Search(trace.Query{}); len(got) != 1 || got[0].Duration != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("the version changes with each arrival and clearing only", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		seen := map[uint64]bool{s.Stats().Version: true}
		s.Search(trace.Query{})
		s.Add()
		if !seen[s.Stats().Version] {
			t.Error("a search changed the version")
		}
		for _, change := range []func(){func() { s.Add(newSpan(1, 1, 0, 1, 2)) }, s.Clear} {
			change()
			if v := s.Stats().Version; seen[v] {
				t.Errorf("version %d is not new", v)
			}
			seen[s.Stats().Version] = true
		}
		if got := s.Stats(); got.Traces != 0 || got.Bytes != 0 {
			t.Errorf("after Clear: %+v", got)
		}
	})
	t.Run("spans arrive and are read at the same time", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{Traces: 10})
		var work sync.WaitGroup
		for worker := range 4 {
			work.Go(func() {
				for id := 1; id <= 200; id++ {
					s.Add(newSpan(id, worker*1000+id, 0, id, id+1))
					s.Search(trace.Query{Service: "order-place", MinDuration: 1})
					s.Find(traceID(id).String())
					s.Services()
				}
			})
		}
		work.Wait()
		if got := s.Stats().Traces; got != 10 {
			t.Errorf("%d traces", got)
		}
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	const order = "019acb52-0000-7000-8000-000000000001"
	s := trace.New(trace.Options{})
	slow, failed, event := newSpan(1, 1, 0, 0, 500), newSpan(2, 1, 0, 100, 110), newSpan(3, 2, 1, 205, 400)
	failed.Error = true
	event.Service, event.Attributes = "stock-reserve", []trace.Attribute{{Key: trace.OrderID, Value: order}}
	// The child of trace 3 arrives before its parent.
	s.Add(slow, failed, event, newSpan(3, 1, 0, 200, 210))
	first, second, third := traceID(1).String(), traceID(2).String(), traceID(3).String()
	for name, test := range map[string]struct {
		query trace.Query
		want  []string
	}{
		"everything, newest first":                {trace.Query{}, []string{third, second, first}},
		"the newest":                              {trace.Query{Limit: 1}, []string{third}},
		"an id":                                   {trace.Query{ID: second}, []string{second}},
		"the beginning of an id, in upper case":   {trace.Query{ID: strings.ToUpper(second[:16])}, []string{second}},
		"an id that is not there":                 {trace.Query{ID: "ff"}, []string{}},
		"a function":                              {trace.Query{Service: "stock-reserve"}, []string{third}},
		"a duration, of the whole trace":          {trace.Query{MinDuration: 200 * time.Millisecond}, []string{third, first}},
		"a duration of a function":                {trace.Query{MinDuration: 196 * time.Millisecond, Service: "stock-reserve"}, []string{}},
		"a duration that a function reaches":      {trace.Query{MinDuration: 195 * time.Millisecond, Service: "stock-reserve"}, []string{third}},
		"a duration that nothing reaches":         {trace.Query{MinDuration: math.MaxInt64}, []string{}},
		"errors":                                  {trace.Query{Errors: true}, []string{second}},
		"errors of a function without any":        {trace.Query{Errors: true, Service: "stock-reserve"}, []string{}},
		"an order":                                {trace.Query{OrderID: order}, []string{third}},
		"an order and a function that is not its": {trace.Query{OrderID: order, Service: "user-notify"}, []string{}},
	} {
		t.Run("finds by "+name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, ids(s.Search(test.query))); diff != "" {
				t.Errorf("traces (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a summary describes the trace by its root", func(t *testing.T) {
		t.Parallel()
		want := trace.Summary{
			ID: third, Name: "span 1", Service: "order-place", Start: epoch.Add(200 * time.Millisecond), Duration: 200 * time.Millisecond,
			Spans: 2, Services: []string{"stock-reserve", "order-place"}, Orders: []string{order},
		}
		if diff := cmp.Diff(want, s.Search(trace.Query{ID: third})[0]); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
	})
	t.Run("services are listed by name", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{"order-place", "stock-reserve"}, s.Services()); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
	})
}
