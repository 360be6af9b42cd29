package console

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"souk/emulators/trace"
)

const testOrder = "019acb52-0000-7000-8000-000000000001"

// newTraces returns a store with a trace of an order and one that failed.
func newTraces() *trace.Store {
	at := func(ms int) time.Time {
		return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	}
	one, two := oteltrace.TraceID{1}, oteltrace.TraceID{2}
	s := trace.New(trace.Options{})
	s.Add(
		&trace.Span{TraceID: one, ID: oteltrace.SpanID{1}, Service: "gateway", Name: "POST /v1/orders", Kind: oteltrace.SpanKindServer, Start: at(0), End: at(20)},
		&trace.Span{TraceID: one, ID: oteltrace.SpanID{2}, Parent: oteltrace.SpanID{1}, Service: "order-place", Name: "INSERT orders", Start: at(5), End: at(10),
			Attributes: []trace.Attribute{{Key: "db.query.text", Value: "INSERT INTO orders VALUES (?) /* <b> */"}, {Key: trace.OrderID, Value: testOrder}}},
		&trace.Span{TraceID: one, ID: oteltrace.SpanID{3}, Parent: oteltrace.SpanID{2}, Service: "stock-reserve", Name: "wait in stock-reserve.order-placed", Start: at(10), End: at(18)},
		&trace.Span{TraceID: two, ID: oteltrace.SpanID{1}, Service: "order-get", Name: "GET /v1/orders/{id}", Start: at(50), End: at(51), Error: true, Message: "no connection"},
	)
	return s
}

// fetch returns the status and the body of a page.
func fetch(t *testing.T, link string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// mustGet returns the body of a page.
func mustGet(t *testing.T, base, path string) string {
	t.Helper()
	status, body := fetch(t, base+path)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d\n%s", path, status, body)
	}
	return body
}

// requireTexts requires that a page has texts, or does not have those after "without".
func requireTexts(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		text, absent := strings.CutPrefix(text, "without ")
		if strings.Contains(page, text) == absent {
			t.Errorf("the page has %q: %v", text, !absent)
		}
	}
}

func TestTracesPage(t *testing.T) {
	t.Parallel()
	_, base := newConsole(t, func(o *Options) { o.Traces = newTraces() })
	one := oteltrace.TraceID{1}.String()
	for _, test := range []struct {
		name, path string
		texts      []string
	}{
		{"all traces are listed with functions and failures", "/traces", []string{"POST /v1/orders", "order-place, stock-reserve", "20 ms", "1 failed", "2 traces are recorded"}},
		{"an order selects its traces", "/traces?q=" + testOrder, []string{"POST /v1/orders", "without GET /v1/orders"}},
		{"errors select traces that failed", "/traces?errors=on", []string{"without POST /v1/orders", "GET /v1/orders"}},
		{"a function and a duration select its slow spans", "/traces?function=stock-reserve&min=8", []string{"POST /v1/orders", "without GET /v1/orders"}},
		{"a search without a result is explained", "/traces?min=9000", []string{"No trace matches"}},
		{"a trace is a waterfall with its statement, its wait and its order", "/traces?id=" + one, []string{
			`role="treegrid"`, `aria-level="3"`, "INSERT INTO orders VALUES (?) /* &lt;b&gt; */", "k-wait", "Pub/Sub wait", "/orders?id=" + testOrder,
			`x="25.000%"`, `width="25.000%"`, "without <b> */",
		}},
		{"a trace that is missing is not found", "/traces?id=" + strings.Repeat("9", 32), []string{"Trace not found"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			requireTexts(t, mustGet(t, base, test.path), test.texts...)
		})
	}
	t.Run("a system without traces says so", func(t *testing.T) {
		t.Parallel()
		_, base := newConsole(t, nil)
		requireTexts(t, mustGet(t, base, "/traces"), "This system records no traces")
	})
}
