package trace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"souk/emulators/trace"
)

// TestExporters sends the same spans by OTLP and within the process.
func TestExporters(t *testing.T) {
	t.Parallel()
	for name, compression := range map[string]otlptracehttp.Compression{
		"with gzip": otlptracehttp.GzipCompression, "without compression": otlptracehttp.NoCompression,
	} {
		t.Run("the SDK's exporter "+name+" delivers what the process itself stores", func(t *testing.T) {
			t.Parallel()
			remote, inside := trace.New(trace.Options{}), trace.New(trace.Options{})
			server := httptest.NewServer(remote)
			t.Cleanup(server.Close)
			exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+trace.Path), otlptracehttp.WithCompression(compression))
			if err != nil {
				t.Fatal(err)
			}
			provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithSyncer(inside), sdktrace.WithResource(
				resource.NewSchemaless(attribute.String("service.name", "order-place"), attribute.String("service.instance.id", "7"))))
			recordSpans(provider.Tracer("test"))
			if err := provider.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := inside.Search(trace.Query{})
			if len(want) != 1 || want[0].Spans != 2 || want[0].Errors != 1 || want[0].Service != "order-place" || len(want[0].Orders) != 1 {
				t.Fatalf("the process stored %+v", want)
			}
			got, _ := remote.Find(want[0].ID)
			stored, _ := inside.Find(want[0].ID)
			if diff := cmp.Diff(stored, got, cmpopts.EquateApproxTime(0)); diff != "" {
				t.Errorf("by OTLP (-inside +remote):\n%s", diff)
			}
		})
	}
}

func recordSpans(tracer oteltrace.Tracer) {
	ctx, root := tracer.Start(context.Background(), "POST /orders", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	_, child := tracer.Start(ctx, "INSERT", oteltrace.WithAttributes(
		attribute.String(trace.OrderID, "1"), attribute.Int("n", 3), attribute.Bool("b", true), attribute.Float64("f", 1.5),
		attribute.StringSlice("list", []string{"a", `"b"`})), oteltrace.WithLinks(oteltrace.LinkFromContext(ctx)))
	child.AddEvent("retry", oteltrace.WithAttributes(attribute.Int("attempt", 2)))
	child.SetStatus(otelcodes.Error, "deadlock")
	child.End()
	root.End()
}

// request returns an OTLP request with so many spans, and a span without ids.
func request(spans int) []byte {
	scope := &tracepb.ScopeSpans{Spans: []*tracepb.Span{{Name: "without ids", TraceId: []byte{1}}}}
	for id := 1; id <= spans; id++ {
		trace, span := traceID(1), spanID(id)
		scope.Spans = append(scope.Spans, &tracepb.Span{TraceId: trace[:], SpanId: span[:], StartTimeUnixNano: 1, EndTimeUnixNano: 1 << 63})
	}
	name := &commonpb.KeyValue{Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "order-place"}}}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{name}}, ScopeSpans: []*tracepb.ScopeSpans{scope},
	}}})
	if err != nil {
		panic(err)
	}
	return body
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

// post sends a body to a store. Header is name and value in turn.
func post(s *trace.Store, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, trace.Path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestReceive(t *testing.T) {
	t.Parallel()
	t.Run("an empty request succeeds", func(t *testing.T) {
		t.Parallel()
		w := post(trace.New(trace.Options{}), nil)
		if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("status %d, %s, body %q", w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	})
	t.Run("a partial success counts the spans that were refused", func(t *testing.T) {
		t.Parallel()
		s := trace.New(trace.Options{})
		w := post(s, request(3))
		// ExportTraceServiceResponse{partial_success: {rejected_spans: 1, error_message: …}}
		if w.Code != http.StatusOK || !bytes.Contains(w.Body.Bytes(), []byte("\x08\x01\x12")) || !strings.Contains(w.Body.String(), "a span needs a trace id") {
			t.Errorf("status %d, body %q", w.Code, w.Body)
		}
		if got := s.Search(trace.Query{Service: "order-place"}); len(got) != 1 || got[0].Spans != 3 {
			t.Errorf("stored %+v", got)
		}
	})
	for name, test := range map[string]struct {
		body   []byte
		header []string
		want   int
	}{
		"JSON":                          {[]byte("{}"), []string{"Content-Type", "application/json"}, http.StatusUnsupportedMediaType},
		"a body without a type":         {nil, []string{"Content-Type", ""}, http.StatusUnsupportedMediaType},
		"another compression":           {nil, []string{"Content-Encoding", "br"}, http.StatusUnsupportedMediaType},
		"what is not Protobuf":          {[]byte("\xff\xff\xff"), nil, http.StatusBadRequest},
		"what is not gzip":              {request(1), []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		"gzip that ends early":          {compress(request(9))[:20], []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		"a body that is too large":      {make([]byte, 9<<20), nil, http.StatusRequestEntityTooLarge},
		"gzip that expands to too much": {compress(make([]byte, 9<<20)), []string{"Content-Encoding", "gzip"}, http.StatusRequestEntityTooLarge},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			s := trace.New(trace.Options{})
			w := post(s, test.body, test.header...)
			var status rpcstatus.Status
			if err := proto.Unmarshal(w.Body.Bytes(), &status); w.Code != test.want || err != nil || status.GetMessage() == "" {
				t.Errorf("status %d, want %d; %v, %v", w.Code, test.want, &status, err)
			}
			if got := s.Stats().Traces; got != 0 {
				t.Errorf("stored %d traces", got)
			}
		})
	}
	t.Run("another method or path is refused", func(t *testing.T) {
		t.Parallel()
		for target, want := range map[string]int{trace.Path: http.StatusMethodNotAllowed, "/v1/metrics": http.StatusNotFound} {
			w := httptest.NewRecorder()
			trace.New(trace.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
			if w.Code != want {
				t.Errorf("%s: status %d, want %d", target, w.Code, want)
			}
		}
	})
}

// FuzzReceive sends any body. What is stored can always be arranged, each span once.
func FuzzReceive(f *testing.F) {
	f.Add(request(3), false)
	f.Add(compress(request(3)), true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, body []byte, compressed bool) {
		s := trace.New(trace.Options{})
		encoding := "identity"
		if compressed {
			encoding = "gzip"
		}
		switch w := post(s, body, "Content-Encoding", encoding); w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("status %d", w.Code)
		}
		for _, summary := range s.Search(trace.Query{}) {
			if found, ok := s.Find(summary.ID); !ok || len(found.Rows) != summary.Spans {
				t.Errorf("trace %s: %d rows, want %d", summary.ID, len(found.Rows), summary.Spans)
			}
		}
	})
}
