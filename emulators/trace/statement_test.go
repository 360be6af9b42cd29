package trace_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/trace"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	s := trace.New(trace.Options{})
	statement := func(n, id, duration int, service, key, text string, failed bool) {
		span := newSpan(n, id, 0, 0, duration)
		span.Service, span.Error, span.Attributes = service, failed, []trace.Attribute{{Key: key, Value: text}}
		s.Add(span)
	}
	statement(1, 1, 5, "order-place", "db.query.text", "SELECT ?", false)
	statement(2, 1, 7, "order-place", "db.statement", "SELECT ?", true)
	statement(2, 2, 1, "order-get", "db.query.text", "SELECT ?", false)
	statement(2, 3, 30, "order-get", "url.path", "/", false)
	const ms = time.Millisecond
	want := []trace.Statement{
		{Service: "order-place", Text: "SELECT ?", Count: 2, Errors: 1, Total: 12 * ms, Max: 7 * ms},
		{Service: "order-get", Text: "SELECT ?", Count: 1, Total: ms, Max: ms},
	}
	if diff := cmp.Diff(want, s.Statements(10)); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if got := s.Statements(1); len(got) != 1 {
		t.Errorf("%d statements of at most 1", len(got))
	}
}
