package trace_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"souk/emulators/trace"
)

// nest returns a message that is in others: the fields are the numbers, the outermost first.
func nest(message []byte, fields ...protowire.Number) []byte {
	for len(fields) > 0 {
		last := len(fields) - 1
		message = protowire.AppendBytes(protowire.AppendTag(nil, fields[last], protowire.BytesType), message)
		fields = fields[:last]
	}
	return message
}

// TestMemory sends bodies whose Protobuf objects would be a hundred times as large.
func TestMemory(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	const elements = 300_000 // of two bytes
	for name, body := range map[string][]byte{
		"empty spans":               nest(bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), nil), elements), 1, 2),
		"empty attributes":          nest(bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), nil), elements), 1, 2, 2),
		"empty events":              nest(bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 11, protowire.BytesType), nil), elements), 1, 2, 2),
		"attributes of a service":   nest(bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nil), elements), 1, 1),
		"empty scopes":              nest(bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), nil), elements), 1),
		"empty resources":           bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nil), elements),
		"spans with ids":            nest(bytes.Repeat(nest(spanIDs(), 2), elements/20), 1, 2),
		"elements of one attribute": nest(bytes.Repeat([]byte{0x0a, 0x00}, elements), 1, 2, 2, 9, 2, 5),
	} {
		t.Run("a body of "+name+" costs little memory", func(t *testing.T) { //nolint:paralleltest // as above
			s, packed := trace.New(trace.Options{}), compress(body)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := post(s, packed, "Content-Encoding", "gzip")
			runtime.ReadMemStats(&after)
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
			// Reading the body allocates five times its size.
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(20*len(body)+4<<20); got > most {
				t.Errorf("a body of %d KiB allocated %d KiB, want at most %d", len(body)>>10, got>>10, most>>10)
			}
		})
	}
}

// spanIDs returns a span with nothing but its ids.
func spanIDs() []byte {
	trace, span := traceID(1), spanID(1)
	body := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), trace[:])
	return protowire.AppendBytes(protowire.AppendTag(body, 2, protowire.BytesType), span[:])
}

// TestManyNames requires that the names that searches read of one trace are bounded: each span
// compares its own with them.
func TestManyNames(t *testing.T) {
	t.Parallel()
	s := trace.New(trace.Options{})
	for i := range 1000 {
		text := fmt.Sprint(i)
		s.Add(&trace.Span{
			TraceID: oteltrace.TraceID{1}, ID: spanID(i + 1), Service: "service " + text, Attributes: []trace.Attribute{{Key: trace.OrderID, Value: text}},
		})
	}
	found := s.Search(trace.Query{Service: "service 0", OrderID: "0"})
	if len(found) != 1 || found[0].Spans != 1000 {
		t.Fatalf("found %d traces, want the one", len(found))
	}
	if len(found[0].Services) > 100 || len(found[0].Orders) > 100 {
		t.Errorf("%d services and %d orders, want at most 100", len(found[0].Services), len(found[0].Orders))
	}
}

// TestMalformed cuts a request at every byte, and changes each: the response is an error or the
// spans are stored, and nothing is stored of a request with an error.
func TestMalformed(t *testing.T) {
	t.Parallel()
	whole := request(3)
	refused := 0
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0xff
		for _, body := range [][]byte{whole[:i], changed} {
			s := trace.New(trace.Options{})
			switch w := post(s, body); w.Code {
			case http.StatusOK:
			case http.StatusBadRequest:
				refused++
				if got := s.Stats().Traces; got != 0 {
					t.Errorf("at byte %d: stored %d traces of a request with an error", i, got)
				}
			default:
				t.Errorf("at byte %d: status %d", i, w.Code)
			}
		}
	}
	if refused < len(whole) {
		t.Errorf("%d of %d malformed requests are refused", refused, 2*len(whole))
	}
}

// TestLargeSpan requires that a span that is too large is refused alone.
func TestLargeSpan(t *testing.T) {
	t.Parallel()
	trace1, one, two := traceID(1), spanID(1), spanID(2)
	large := &commonpb.KeyValue{Key: "a", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: string(make([]byte, 1<<20))}}}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{
		{TraceId: trace1[:], SpanId: one[:], Attributes: []*commonpb.KeyValue{large}}, {TraceId: trace1[:], SpanId: two[:]},
	}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := trace.New(trace.Options{})
	w := post(s, body)
	if w.Code != http.StatusOK || !bytes.Contains(w.Body.Bytes(), []byte("\x08\x01\x12")) {
		t.Errorf("status %d, body %q, want one refused span", w.Code, w.Body)
	}
	if found, ok := s.Find(trace1.String()); !ok || found.Spans != 1 || s.Stats().Refused != 1 {
		t.Errorf("%d spans are stored and %d refused, want 1 and 1", found.Spans, s.Stats().Refused)
	}
}

// TestSlowSenders requires that clients that send nothing do not block others.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	s := trace.New(trace.Options{ReadTimeout: 100 * time.Millisecond})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	send := func(body io.Reader) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+trace.Path, body)
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/x-protobuf")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	slow := make(chan error)
	for range 8 {
		stuck, writer := io.Pipe()
		t.Cleanup(func() { _ = writer.Close() })
		go func() { slow <- send(stuck) }()
	}
	for range 8 {
		<-slow // the server disconnects it: a response or an error
	}
	if err := send(bytes.NewReader(request(1))); err != nil {
		t.Error(err)
	}
	if got := s.Stats().Traces; got != 1 {
		t.Errorf("%d traces are stored, want 1", got)
	}
}
