package trace

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unique"

	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Limits of one span, as the SDK's, so that no span takes the room of all others.
const (
	maxAttributes = 128
	maxEvents     = 128
	maxValue      = 4096 // bytes of a value, a name or a message
	maxDepth      = 8    // of arrays in arrays
)

// origin returns the name and the instance of the service that a resource describes.
func origin(resource *resourcepb.Resource) (service, instance string) {
	for _, a := range resource.GetAttributes() {
		switch a.GetKey() {
		case serviceName:
			service = intern(formatValue(a.GetValue(), 0))
		case serviceInstance:
			instance = intern(formatValue(a.GetValue(), 0))
		}
	}
	return service, instance
}

func convertSpan(in *tracepb.Span) *Span {
	span := &Span{
		TraceID:    traceID(in.GetTraceId()),
		ID:         spanID(in.GetSpanId()),
		Parent:     spanID(in.GetParentSpanId()),
		Name:       intern(in.GetName()),
		Kind:       convertKind(in.GetKind()),
		Start:      moment(in.GetStartTimeUnixNano()),
		End:        moment(in.GetEndTimeUnixNano()),
		Error:      in.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
		Message:    clean(in.GetStatus().GetMessage()),
		Attributes: convertAttributes(in.GetAttributes()),
	}
	for _, e := range head(in.GetEvents(), maxEvents) {
		span.Events = append(span.Events, Event{
			Name: intern(e.GetName()), Time: moment(e.GetTimeUnixNano()), Attributes: convertAttributes(e.GetAttributes()),
		})
	}
	for _, l := range head(in.GetLinks(), maxEvents) {
		span.Links = append(span.Links, Link{TraceID: traceID(l.GetTraceId()), ID: spanID(l.GetSpanId())})
	}
	return span
}

// traceID returns an id of the documented length, else the invalid zero id.
func traceID(id []byte) (out trace.TraceID) {
	if len(id) == len(out) {
		copy(out[:], id)
	}
	return out
}

func spanID(id []byte) (out trace.SpanID) {
	if len(id) == len(out) {
		copy(out[:], id)
	}
	return out
}

// moment returns the time of nanoseconds since 1970, at most the latest of an int64.
func moment(nanoseconds uint64) time.Time {
	return time.Unix(0, int64(min(nanoseconds, math.MaxInt64)))
}

// convertKind maps the kinds of OTLP to those of the API, which have the same order.
func convertKind(kind tracepb.Span_SpanKind) trace.SpanKind {
	if kind < tracepb.Span_SPAN_KIND_UNSPECIFIED || kind > tracepb.Span_SPAN_KIND_CONSUMER {
		return trace.SpanKindUnspecified
	}
	return trace.SpanKind(kind)
}

func convertAttributes(in []*commonpb.KeyValue) []Attribute {
	if len(in) == 0 {
		return nil
	}
	in = head(in, maxAttributes)
	out := make([]Attribute, len(in))
	for i, a := range in {
		out[i] = Attribute{Key: intern(a.GetKey()), Value: formatValue(a.GetValue(), 0)}
	}
	return out
}

// formatValue returns a value as text: arrays and maps like JSON, bytes in base64.
func formatValue(v *commonpb.AnyValue, depth int) string {
	if depth > maxDepth {
		return "…"
	}
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return clean(v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	case *commonpb.AnyValue_BytesValue:
		return base64.StdEncoding.EncodeToString(head(v.BytesValue, maxValue/2))
	case *commonpb.AnyValue_ArrayValue:
		var parts []string
		for _, element := range head(v.ArrayValue.GetValues(), maxAttributes) {
			parts = append(parts, quoted(element, depth))
		}
		return clean("[" + strings.Join(parts, ",") + "]")
	case *commonpb.AnyValue_KvlistValue:
		var parts []string
		for _, pair := range head(v.KvlistValue.GetValues(), maxAttributes) {
			parts = append(parts, quote(pair.GetKey())+":"+quoted(pair.GetValue(), depth))
		}
		return clean("{" + strings.Join(parts, ",") + "}")
	}
	return ""
}

// quoted formats an element of an array or a map.
func quoted(v *commonpb.AnyValue, depth int) string {
	text := formatValue(v, depth+1)
	if _, isText := v.GetValue().(*commonpb.AnyValue_StringValue); isText {
		return quote(text)
	}
	return cmp.Or(text, "null")
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return strconv.Quote(text) // unreachable: every text has a form in JSON
	}
	return string(quoted)
}

// clean returns a text that is valid UTF-8 and not longer than a value may be.
func clean(text string) string {
	if len(text) > maxValue {
		n := maxValue
		for n > maxValue-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// intern returns a text that all spans share: names, keys and services repeat.
func intern(text string) string { return unique.Make(clean(text)).Value() }

// head returns the first n elements.
func head[T any](list []T, n int) []T { return list[:min(n, len(list))] }
