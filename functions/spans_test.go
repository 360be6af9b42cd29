package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// TestSpans sends a valid request to every function that clients call, in a sampled trace and
// in one that is not, and reads the exported spans.
func TestSpans(t *testing.T) {
	t.Parallel()
	receiver, tracer := mustTrace(t)
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		for _, sampled := range []bool{true, false} {
			var request functiontest.Request
			var response functiontest.Response
			var spans []telemetrytest.Span
			// The statements of a batch are in the trace of the request that leads it: an order may be
			// placed in the batch of another test's. Then another is.
			for range 5 {
				request = requestTo(t, s, f, mustCreateCaller(t, s, f))
				trace, traceparent := newTraceparent(sampled)
				request.Header = merge(request.Header, map[string]string{"traceparent": traceparent, "User-Agent": "canary of a client"})
				response = s.Do(t, request)
				requireSuccess(t, response)
				if spans = receiver.Spans(trace); !followsInBatch(spans) {
					break
				}
			}
			if !sampled {
				if len(spans) > 0 {
					t.Errorf("a request that is not sampled has %d spans", len(spans))
				}
				continue
			}
			root := requireSpan(t, spans, f.HTTP)
			if root.Service != "test" || root.Attributes["http.response.status_code"] != fmt.Sprint(response.Status) || root.Attributes["http.route"] != f.Path() {
				t.Errorf("the span of the request is %+v", root)
			}
			if f.Access != manifest.Anyone {
				requireSpan(t, spans, "authorize")
			}
			requireStatements(t, f, spans)
			requireTree(t, spans)
			requireNoValues(t, spans, request, response)
		}
	}, functiontest.WithTracer(tracer))
}

// TestSpansOfMessages delivers a message to every function that Pub/Sub calls, in a sampled
// trace and in one that is not. It cannot be processed, but has its spans.
func TestSpansOfMessages(t *testing.T) {
	t.Parallel()
	receiver, tracer := mustTrace(t)
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service, functiontest.WithTracer(tracer))
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if len(f.Events) == 0 {
					continue
				}
				for _, sampled := range []bool{true, false} {
					e := functiontest.NewEvent(t, f.Events[0], object{"name": "canary of a payload"})
					e.AggregateType, e.AggregateID = "order", uuid.New()
					var trace string
					trace, e.Traceparent = newTraceparent(sampled)
					s.DeliverUnchecked(t, f.Name, e)
					spans := receiver.Spans(trace)
					if !sampled {
						if len(spans) > 0 {
							t.Errorf("%s: a message that is not sampled has %d spans", f.Name, len(spans))
						}
						continue
					}
					root := requireSpan(t, spans, "process "+f.Events[0])
					requireSpan(t, spans, "authorize")
					wait := requireSpan(t, spans, "wait in "+f.Name+"."+f.Events[0])
					if root.Attributes["souk.order_id"] != e.AggregateID.String() || wait.Attributes["messaging.gcp_pubsub.message.delivery_attempt"] != "1" ||
						wait.ParentID != root.ParentID || wait.End.After(root.End) {
						t.Errorf("%s: the message's spans are %+v and %+v", f.Name, root, wait)
					}
					requireTree(t, spans)
					requireNoText(t, spans, "canary")
				}
			}
		})
	}
}

// mustTrace returns a tracer that follows its callers, and the receiver of its spans.
func mustTrace(t *testing.T) (*telemetrytest.Receiver, *telemetry.Tracer) {
	t.Helper()
	receiver := telemetrytest.NewReceiver(t)
	return receiver, telemetry.TraceConfig{Endpoint: receiver.URL}.NewTracer(telemetry.Process{Service: "test", TrustsSampledFlag: true})
}

// newTraceparent returns the id of a new trace and its traceparent.
func newTraceparent(sampled bool) (trace, traceparent string) {
	trace = strings.ReplaceAll(uuid.NewString(), "-", "")
	return trace, "00-" + trace + "-00f067aa0ba902b7-" + map[bool]string{true: "01", false: "00"}[sampled]
}

func merge(headers ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, header := range headers {
		maps.Copy(merged, header)
	}
	return merged
}

func requireSpan(t *testing.T, spans []telemetrytest.Span, name string) telemetrytest.Span {
	t.Helper()
	var names []string
	for _, span := range spans {
		if span.Name == name {
			return span
		}
		names = append(names, span.Name)
	}
	t.Fatalf("no span %q among %q", name, names)
	return telemetrytest.Span{}
}

// requireStatements requires a span with a statement if the function has a database.
func requireStatements(t *testing.T, f manifest.Function, spans []telemetrytest.Span) {
	t.Helper()
	if f.Database == manifest.NoDatabase {
		return
	}
	if !slices.ContainsFunc(spans, func(s telemetrytest.Span) bool { return s.Attributes["db.query.text"] != "" }) {
		t.Errorf("no span has a statement")
	}
}

// followsInBatch reports whether spans are of a request whose batch another request has led.
func followsInBatch(spans []telemetrytest.Span) bool {
	return slices.ContainsFunc(spans, func(s telemetrytest.Span) bool {
		_, leads := s.Attributes["souk.batch.items"]
		return s.Name == "batch" && !leads
	})
}

// requireTree requires that the parent of each span is another one or the caller's.
func requireTree(t *testing.T, spans []telemetrytest.Span) {
	t.Helper()
	known := map[string]bool{"00f067aa0ba902b7": true}
	for _, span := range spans {
		known[span.SpanID] = true
	}
	for _, span := range spans {
		if !known[span.ParentID] {
			t.Errorf("span %s has an unknown parent", span.Name)
		}
	}
}

// requireNoValues requires that no span has a text of the request or of its response, other
// than ids.
func requireNoValues(t *testing.T, spans []telemetrytest.Span, request functiontest.Request, response functiontest.Response) {
	t.Helper()
	requireNoText(t, spans, "canary")
	if request.Token != "" {
		requireNoText(t, spans, request.Token)
	}
	body, isText := request.Body.(string)
	if !isText {
		body = mustJSON(t, request.Body)
	}
	for _, text := range [][]byte{[]byte(body), response.Body} {
		var value any
		if json.Unmarshal(text, &value) == nil {
			requireNone(t, spans, value)
		}
	}
	for _, name := range []string{"Idempotency-Key", "Authorization", "Cookie", "Location", "Set-Cookie"} {
		if value := response.Header.Get(name); value != "" {
			requireNoText(t, spans, value)
		}
	}
}

// requireNone requires that no span has a text of the value.
func requireNone(t *testing.T, spans []telemetrytest.Span, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			requireNone(t, spans, member)
		}
	case []any:
		for _, member := range v {
			requireNone(t, spans, member)
		}
	case string:
		// Words such as "active" are in statements too.
		if _, err := uuid.Parse(v); err != nil && (len(v) > 12 || strings.ContainsAny(v, "@ ")) {
			requireNoText(t, spans, v)
		}
	}
}

func requireNoText(t *testing.T, spans []telemetrytest.Span, text string) {
	t.Helper()
	for _, span := range spans {
		if strings.Contains(span.Text, text) {
			t.Errorf("span %s has %q: %s", span.Name, text, span.Text)
		}
	}
}
