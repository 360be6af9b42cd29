// Package telemetrytest has a receiver of traces and metrics for tests.
package telemetrytest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a received span.
type Span struct {
	// Service is the service.name of the process.
	Service, Name             string
	TraceID, SpanID, ParentID string
	Begin, End                time.Time
	Attributes                map[string]string
	Events                    []string
	Failed                    bool
	// Text is all of the span, its resource included.
	Text string
}

// Receiver is an OTLP/HTTP receiver. It is safe for concurrent use.
type Receiver struct {
	// URL is the endpoint.
	URL string

	mu       sync.Mutex
	spans    []Span
	points   []Point
	requests int
	status   int
}

// NewReceiver starts a receiver, which runs until the test ends.
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{status: http.StatusOK}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Fail makes the receiver respond with a status; 200 makes it accept spans again.
func (r *Receiver) Fail(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// Requests returns the number of requests that were received.
func (r *Receiver) Requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// Spans returns the received spans of a trace, or all if the id is empty.
func (r *Receiver) Spans(traceID string) []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var spans []Span
	for _, span := range r.spans {
		if traceID == "" || span.TraceID == traceID {
			spans = append(spans, span)
		}
	}
	return spans
}

// ServeHTTP receives spans.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	body, err := io.ReadAll(request.Body)
	if err == nil && request.URL.Path == "/v1/metrics" {
		r.receiveMetrics(w, body)
		return
	}
	var message otlp.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	switch {
	case err != nil || request.Method != http.MethodPost || request.URL.Path != "/v1/traces":
		http.Error(w, fmt.Sprint("not an export of traces: ", err), http.StatusBadRequest)
		return
	case r.status != http.StatusOK:
		http.Error(w, "refused by the test", r.status)
		return
	}
	for _, resource := range message.GetResourceSpans() {
		service := attributes(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				read := newSpan(service, span)
				read.Text += resource.GetResource().String()
				r.spans = append(r.spans, read)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func newSpan(service string, span *otlp.Span) Span {
	read := Span{
		Service: service, Name: span.GetName(), Attributes: attributes(span.GetAttributes()),
		TraceID: hex.EncodeToString(span.GetTraceId()), SpanID: hex.EncodeToString(span.GetSpanId()), ParentID: hex.EncodeToString(span.GetParentSpanId()),
		Begin: time.Unix(0, int64(span.GetStartTimeUnixNano())), End: time.Unix(0, int64(span.GetEndTimeUnixNano())),
		Failed: span.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR, Text: span.String(),
	}
	for _, event := range span.GetEvents() {
		read.Events = append(read.Events, event.GetName())
	}
	return read
}

// attributes returns the values as texts.
func attributes(list []*common.KeyValue) map[string]string {
	values := map[string]string{}
	for _, a := range list {
		switch value := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			values[a.GetKey()] = value.StringValue
		case *common.AnyValue_IntValue:
			values[a.GetKey()] = fmt.Sprint(value.IntValue)
		case *common.AnyValue_BoolValue:
			values[a.GetKey()] = fmt.Sprint(value.BoolValue)
		default:
			values[a.GetKey()] = a.GetValue().String()
		}
	}
	return values
}
