package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"souk/shared/api"
	"souk/shared/failure"
	"souk/shared/telemetry"
	"souk/shared/trail"
)

// responseWriter records what the request log reports of a response.
type responseWriter struct {
	http.ResponseWriter
	ctx    context.Context // holds the trace of the log line
	status int
	bytes  int64
	// function is the name of the function, and requestID the request's X-Request-Id.
	function, requestID string
	// cacheControl is the Cache-Control of a successful response, "" if it must not be
	// cached.
	cacheControl string
	trace        tracedRequest
}

func (rw *responseWriter) WriteHeader(status int) {
	// A 1xx precedes the response.
	if rw.status == 0 && status >= http.StatusOK {
		rw.status = status
		api.SetResponseHeaders(rw.Header(), status, rw.cacheControl)
		api.SetTraceID(rw.Header(), telemetry.TraceID(rw.ctx))
	}
	rw.ResponseWriter.WriteHeader(status)
}

func (rw *responseWriter) Write(b []byte) (int, error) {
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	n, err := rw.ResponseWriter.Write(b)
	rw.bytes += int64(n)
	return n, err
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (rw *responseWriter) Unwrap() http.ResponseWriter { return rw.ResponseWriter }

// unmatchedRoute is the function in the request log of a request that matches no route.
const unmatchedRoute = "no function"

// observe assigns a trace and an id to a request, recovers from panics and writes the request
// log.
func observe(s *server, next endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		startTime := time.Now()
		ctx, request := s.options.Tracer.Request(telemetry.WithMetrics(r.Context(), s.options.Metrics), r.Header)
		rw := &responseWriter{ResponseWriter: w, ctx: ctx, function: unmatchedRoute, trace: tracedRequest{Request: request, startTime: startTime}}
		defer rw.endRequest(r)
		rw.trace.coldStart = s.coldStart.first()
		rw.trace.recordColdStart(ctx)
		r = r.WithContext(ctx)
		defer func() {
			if cause := recover(); cause != nil {
				respondToPanic(rw, r, cause)
			}
			took := time.Since(startTime)
			logRequest(rw, r, took)
			rw.measure(s.options.Metrics, r, took)
		}()
		var err error
		if rw.requestID, err = api.RequestID(r.Header); err != nil {
			failure.ProblemFromError(ctx, fmt.Errorf("create a request id: %w", err)).Write(rw, r)
			return
		}
		w.Header().Set(api.HeaderRequestID, rw.requestID)
		next.handler.ServeHTTP(rw, r.WithContext(api.WithRequestID(ctx, rw.requestID)))
		if rw.status == 0 {
			rw.WriteHeader(http.StatusOK) // like net/http, but with the trace
		}
	})
}

// withFunctionMetadata sets the function's name in the request log and, for the trail, in the
// context, and the Cache-Control of its responses by its entry in functions.yaml. A response to a
// request with Authorization is not cached: an admin who reads a product in order to change it
// needs the current ETag. Such requests also bypass Cloud CDN: terraform/load_balancer.tf.
func withFunctionMetadata(_ *server, next endpoint) http.Handler {
	_, route, _ := strings.Cut(Pattern(next.entry), " ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rw, ok := w.(*responseWriter); ok {
			rw.function, rw.trace.route = next.entry.Name, route
			rw.trace.setSpanName(next.entry, r)
			if len(r.Header.Values("Authorization")) == 0 {
				rw.cacheControl = next.entry.CacheControl()
			}
		}
		next.handler.ServeHTTP(w, r.WithContext(trail.WithOperation(r.Context(), next.entry.Name)))
	})
}

// respondToPanic logs a panic and responds with 500 if no byte of a response was written.
func respondToPanic(rw *responseWriter, r *http.Request, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	slog.ErrorContext(rw.ctx, "function panicked", "panic", cause, telemetry.StackTraceKey, telemetry.StackTrace(cause, debug.Stack()))
	if rw.status == 0 {
		api.Internal().Write(rw, r.WithContext(rw.ctx))
	}
}

// logRequest logs the request in the format that Cloud Logging displays as a request:
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#httprequest
// It does not log the query, which may have personal data.
func logRequest(rw *responseWriter, r *http.Request, took time.Duration) {
	status := cmp.Or(rw.status, http.StatusOK) // as net/http sends if nothing was written
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	handler := slog.Default().Handler()
	if !handler.Enabled(rw.ctx, level) {
		return
	}
	// A Logger would look up the line of code. The message is the function's name, by which the
	// log is searched.
	record := slog.NewRecord(time.Now(), level, rw.function, 0)
	record.AddAttrs(slog.String("requestId", rw.requestID), slog.GroupAttrs("httpRequest",
		slog.String("requestMethod", r.Method),
		slog.String("requestUrl", r.URL.Path),
		slog.Int("status", status),
		slog.String("responseSize", strconv.FormatInt(rw.bytes, 10)),
		slog.String("latency", strconv.FormatFloat(took.Seconds(), 'f', 6, 64)+"s"),
	))
	_ = handler.Handle(rw.ctx, record) // like a Logger: where could its error be logged?
}
