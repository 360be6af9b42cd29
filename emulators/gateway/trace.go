package gateway

import (
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"souk/shared/telemetry"
)

// endTrace ends the span of a request, the root of its trace. It has the route and the
// status, but not the path and the query, as the log entry.
func endTrace(request *telemetry.Request, rw *responseWriter, r *http.Request) {
	if request == nil {
		return
	}
	span := request.Span()
	if rw.route != "" {
		span.SetName(rw.route)
	}
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPResponseStatusCode(rw.status),
		semconv.FaaSInvokedName(rw.function), attribute.String("souk.request_id", rw.requestID))
	if rw.status >= http.StatusInternalServerError || rw.err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(rw.status)))
	}
	request.End(r.Context())
}
