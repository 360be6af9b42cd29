package trace

import (
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// Category is the kind of work that a span is, by the semantic conventions of OpenTelemetry.
type Category string

// Categories of spans.
const (
	Request  Category = "request"  // an HTTP request, as its server sees it
	Process  Category = "process"  // the processing of an event
	Push     Category = "push"     // the delivery of a message, as Pub/Sub sees it
	Wait     Category = "wait"     // the time of a message in Pub/Sub
	Publish  Category = "publish"  // the publication of events
	SQL      Category = "sql"      // a statement
	Mail     Category = "mail"     // the sending of a mail
	Start    Category = "start"    // the start of an instance, or the wait for one
	Internal Category = "internal" // all others
)

// Categories are all categories, in the order of a legend.
var Categories = []Category{Request, Process, SQL, Publish, Wait, Push, Mail, Start, Internal}

// Category returns the category of a span.
func (s *Span) Category() Category {
	switch operation := s.Attribute("messaging.operation.type"); {
	case s.Query() != "" || s.Attribute("db.system.name") != "" || s.Attribute("db.system") != "":
		return SQL
	case strings.HasPrefix(s.Name, "wait in "):
		return Wait
	case strings.HasPrefix(s.Name, "push ") || strings.HasPrefix(s.Name, "deliver "):
		return Push
	case s.Kind == trace.SpanKindProducer || operation == "send" || operation == "create":
		return Publish
	case operation == "process" || s.Kind == trace.SpanKindConsumer:
		return Process
	case s.Attribute("network.protocol.name") == "smtp":
		return Mail
	case strings.HasPrefix(s.Name, "cold start"), strings.HasPrefix(s.Name, "wait for an instance"):
		return Start
	case s.Kind == trace.SpanKindServer:
		return Request
	}
	return Internal
}
