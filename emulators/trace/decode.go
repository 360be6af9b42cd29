package trace

import (
	"errors"
	"fmt"

	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Bounds of one request. Decoded objects may be three hundred times as large as their
// encoding, so that a request is not decoded as one.
const (
	maxRequestSpans = 10_000
	maxMessage      = 256 << 10 // bytes of an encoded span or resource
)

// Fields of ExportTraceServiceRequest, ResourceSpans and ScopeSpans.
const (
	fieldResourceSpans = 1
	fieldResource      = 1
	fieldScopeSpans    = 2
	fieldSpans         = 2
)

var errMalformed = errors.New("malformed Protobuf")

// decoder decodes the spans of a request one by one.
type decoder struct {
	spans []*Span
	// refused counts the spans that are too large or too many.
	refused int
}

// decode returns the spans of an ExportTraceServiceRequest in binary Protobuf, and how many
// it refused.
func decode(body []byte) (spans []*Span, refused int, err error) {
	d := &decoder{}
	if err := eachMessage(body, fieldResourceSpans, d.addResource); err != nil {
		return nil, 0, err
	}
	return d.spans, d.refused, nil
}

// addResource adds the spans of an encoded ResourceSpans.
func (d *decoder) addResource(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	// The resource may follow the spans.
	resource := &resourcepb.Resource{}
	err := eachMessage(body, fieldResource, func(body []byte) error {
		if len(body) > maxMessage {
			return nil // the spans have no service
		}
		return proto.UnmarshalOptions{Merge: true}.Unmarshal(body, resource)
	})
	if err != nil {
		return err
	}
	service, instance := origin(resource)
	return eachMessage(body, fieldScopeSpans, func(body []byte) error {
		return eachMessage(body, fieldSpans, func(body []byte) error { return d.addSpan(body, service, instance) })
	})
}

// addSpan adds an encoded span.
func (d *decoder) addSpan(body []byte, service, instance string) error {
	if len(body) > maxMessage || len(d.spans) >= maxRequestSpans {
		d.refused++
		return nil
	}
	var in tracepb.Span
	if err := proto.Unmarshal(body, &in); err != nil {
		return fmt.Errorf("decode a span: %w", err)
	}
	span := convertSpan(&in)
	span.Service, span.Instance = service, instance
	d.spans = append(d.spans, span)
	return nil
}

// eachMessage calls do with each message in a field of an encoded message.
func eachMessage(body []byte, field protowire.Number, do func(body []byte) error) error {
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return errMalformed
		}
		body = body[n:]
		if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
			return errMalformed
		}
		if number == field {
			message, length := protowire.ConsumeBytes(body)
			if kind != protowire.BytesType || length < 0 {
				return errMalformed
			}
			if err := do(message); err != nil {
				return err
			}
		}
		body = body[n:]
	}
	return nil
}
