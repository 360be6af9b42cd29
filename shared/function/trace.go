package function

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/event"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// spanAuthorize is the name of the span of a request's authorization.
const spanAuthorize = "authorize"

// tracedRequest is the recording of a request. Its methods do nothing for a request that is
// not sampled.
type tracedRequest struct {
	*telemetry.Request // nil if the request is not sampled
	startTime          time.Time
	route              string // "" if none matches
	// authorizing and authorized are when the authorization of a push request began and
	// ended: whether they are recorded is known only when its message has been read.
	authorizing, authorized time.Time
	coldStart               *coldStart // nil unless this is the first request of the process
}

// coldStart is the start of a process, which is recorded in the trace of its first request.
type coldStart struct {
	listening time.Time // when the process was about to listen
	requested atomic.Bool
}

// maxColdStart is how long after a process listens its first request may have waited for it:
// longer than a startup probe may fail. A container that runs before it gets requests, as in
// Compose or with a minimum of instances, delays none.
const maxColdStart = 15 * time.Second

// first returns the start to the first request of the process, if that may have waited for it,
// and nil to others.
func (c *coldStart) first() *coldStart {
	if c.requested.Load() || c.requested.Swap(true) || time.Since(c.listening) > maxColdStart {
		return nil
	}
	return c
}

// recordColdStart records the start of the process if this is its first request.
func (t *tracedRequest) recordColdStart(ctx context.Context) {
	if t.coldStart == nil || !telemetry.Recording(ctx) {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(semconv.FaaSColdstart(true))
	telemetry.Record(ctx, telemetry.EndedSpan{Name: "cold start", Start: telemetry.ProcessStart(), End: t.coldStart.listening})
}

// setSpanName names the request's span after the function's route, as the semantic
// conventions of OpenTelemetry for HTTP do. The path itself is not recorded: it may have
// secrets.
func (t *tracedRequest) setSpanName(entry manifest.Function, r *http.Request) {
	if t.Request == nil {
		return
	}
	span := t.Span()
	if entry.HTTP == "" {
		span.SetName("process")
		return
	}
	span.SetName(entry.HTTP)
	span.SetAttributes(semconv.HTTPRoute(entry.Path()))
	// A path may have any text in place of an id.
	if id, err := uuid.Parse(r.PathValue("id")); err == nil && strings.Contains(entry.Path(), "/"+entry.Service+"s/{id}") {
		span.SetAttributes(attribute.String("souk."+entry.Service+"_id", id.String()))
	}
}

// startAuthorization starts the span of the authorization of a push request. The request may
// become part of a sampled trace when its message is read, so it also records the times.
func startAuthorization(w http.ResponseWriter, r *http.Request) (context.Context, func(error)) {
	ctx, span := telemetry.Start(r.Context(), spanAuthorize, trace.SpanKindInternal)
	rw, ok := w.(*responseWriter)
	if !ok {
		return ctx, span.End
	}
	rw.trace.authorizing = time.Now()
	return ctx, func(err error) {
		rw.trace.authorized = time.Now()
		span.End(err)
	}
}

// endRequest ends the request's span and exports the request's spans, before the end of the
// response: Cloud Run throttles the CPU after it.
func (rw *responseWriter) endRequest(r *http.Request) {
	if rw.trace.Request == nil {
		return
	}
	status := cmp.Or(rw.status, http.StatusOK)
	span := rw.trace.Span()
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(requestMethod(r)), semconv.HTTPResponseStatusCode(status),
		semconv.HTTPResponseBodySize(int(rw.bytes)),
		attribute.String("souk.request_id", rw.requestID),
	)
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	rw.trace.End(rw.ctx)
}

// requestMethod returns the method of a request, _OTHER for one that HTTP does not define.
func requestMethod(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "_OTHER"
}

// continueTrace returns a context that continues the trace of the function that published an
// event, not that of Pub/Sub's request. A sampled request has a span of the time in Pub/Sub:
// from the publication to this delivery, with the attempts in between.
func (rt *Runtime) continueTrace(w http.ResponseWriter, r *http.Request, push event.Push, e event.Event) context.Context {
	rw, ok := w.(*responseWriter)
	if !ok {
		return telemetry.FromTraceparent(r.Context(), e.Traceparent)
	}
	traced := &rw.trace
	ctx, request := rt.options.Tracer.Message(r.Context(), traced.Request, e.Traceparent, traced.startTime)
	traceChanged := request != traced.Request
	rw.ctx, traced.Request = ctx, request
	if request == nil {
		return ctx
	}
	subscription := push.Subscription[strings.LastIndexByte(push.Subscription, '/')+1:]
	attributes := []attribute.KeyValue{
		semconv.MessagingSystemGCPPubSub, semconv.MessagingDestinationName(e.Type), semconv.MessagingDestinationSubscriptionName(subscription),
		semconv.MessagingMessageID(push.Message.MessageID), semconv.MessagingGCPPubSubMessageDeliveryAttempt(push.DeliveryAttempt),
	}
	span := request.Span()
	span.SetName("process " + e.Type)
	span.SetAttributes(attributes...)
	span.SetAttributes(semconv.MessagingOperationTypeProcess, attribute.String("souk.event_id", e.ID.String()))
	if e.AggregateType != "" {
		telemetry.SetAggregateID(ctx, e.AggregateType, e.AggregateID)
	}
	if traceChanged {
		traced.recordColdStart(ctx)
		telemetry.Record(ctx, telemetry.EndedSpan{Name: spanAuthorize, Start: traced.authorizing, End: traced.authorized})
	}
	if published := push.Message.PublishTime; !published.IsZero() && published.Before(traced.startTime) {
		telemetry.Record(ctx, telemetry.EndedSpan{
			Name: "wait in " + subscription, Start: published, End: traced.startTime, Parent: e.Traceparent, Attributes: attributes,
		})
	}
	return ctx
}
