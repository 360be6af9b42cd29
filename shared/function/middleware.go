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
	"time"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/failure"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// responseWriter records what the request log reports of a response.
type responseWriter struct {
	http.ResponseWriter
	ctx    context.Context // has the trace of the log line
	status int
	bytes  int64
	// function is the name of the function, and requestID the request's X-Request-Id.
	function, requestID string
	// cacheControl is the Cache-Control of a successful response, "" if it must not be
	// cached.
	cacheControl string
}

func (rw *responseWriter) WriteHeader(status int) {
	// A 1xx precedes the response.
	if rw.status == 0 && status >= http.StatusOK {
		rw.status = status
		api.Protect(rw.Header(), status, rw.cacheControl)
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

// noFunction is the function in the request log of a request that matches no route.
const noFunction = "no function"

// serve returns the outermost middleware of a process: it counts the request, assigns it a
// trace and an id, recovers from panics and writes the request log.
func (d *drain) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		d.enter(w)
		defer d.leave(w)
		ctx := telemetry.FromHeader(context.WithValue(r.Context(), stoppingKey{}, d.stopping), r.Header)
		rw := &responseWriter{ResponseWriter: w, ctx: ctx, function: noFunction}
		r = r.WithContext(ctx)
		defer func() {
			if cause := recover(); cause != nil {
				respondToPanic(rw, r, cause)
			}
			logRequest(rw, r, time.Since(begin))
		}()
		var err error
		if rw.requestID, err = api.RequestID(r.Header); err != nil {
			failure.Problem(ctx, fmt.Errorf("create a request id: %w", err)).Write(rw, r)
			return
		}
		w.Header().Set(api.HeaderRequestID, rw.requestID)
		next.ServeHTTP(rw, r.WithContext(api.WithRequestID(ctx, rw.requestID)))
		if rw.status == 0 {
			rw.WriteHeader(http.StatusOK) // like net/http, but with the trace
		}
	})
}

// named sets the function's name in the request log and lets caches store its responses for
// as long as its entry permits. A response to a request with Authorization is not cached: an
// admin who reads a product in order to change it needs the current ETag (such requests also
// bypass the cache: terraform/front.tf).
func named(entry manifest.Function, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rw, ok := w.(*responseWriter); ok {
			rw.function = entry.Name
			if len(r.Header.Values("Authorization")) == 0 {
				rw.cacheControl = entry.CacheControl()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// respondToPanic logs a panic and responds with 500 if no byte of a response was written.
func respondToPanic(rw *responseWriter, r *http.Request, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	slog.ErrorContext(rw.ctx, "the function panicked", "panic", cause, telemetry.StackTraceKey, telemetry.StackTrace(cause, debug.Stack()))
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
	//nolint:sloglint // the message is the function's name, by which the log is searched
	slog.LogAttrs(rw.ctx, level, rw.function, slog.String("requestId", rw.requestID), slog.Group("httpRequest",
		slog.String("requestMethod", r.Method),
		slog.String("requestUrl", r.URL.Path),
		slog.Int("status", status),
		slog.String("responseSize", strconv.FormatInt(rw.bytes, 10)),
		slog.String("latency", strconv.FormatFloat(took.Seconds(), 'f', 6, 64)+"s"),
	))
}

// locate puts the client's address into the request's context; see api.Client.
func (rt *Runtime) locate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(api.WithClient(r.Context(), api.ClientAddress(r, rt.hops))))
	})
}

// authorize refuses requests that the function's access rule does not allow.
func (rt *Runtime) authorize(access manifest.Access, next http.Handler) http.Handler {
	if access == manifest.Anyone {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var principal auth.Principal
		token, err := auth.BearerToken(r.Header)
		if err == nil {
			principal, err = rt.users.Verify(r.Context(), token)
		}
		if err == nil {
			err = rt.Revocations.Check(r.Context(), principal)
		}
		if err == nil {
			err = auth.Authorize(access, principal, true)
		}
		if err == nil && access == manifest.Admin {
			err = rt.requireIAP(r)
		}
		if err != nil {
			refusal(r.Context(), err).Write(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), principal)))
	})
}

// requireIAP returns an error for a request that has not passed Identity-Aware Proxy, if
// admin functions are behind it. The proxy decides which requests may pass.
func (rt *Runtime) requireIAP(r *http.Request) error {
	err := rt.iap.Verify(r.Context(), r.Header)
	if errors.Is(err, auth.ErrForbidden) {
		slog.WarnContext(r.Context(), "an admin's request has not passed Identity-Aware Proxy", "error", err)
	}
	return err
}

// authorizePush refuses requests that are not from Pub/Sub.
func (rt *Runtime) authorizePush(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := rt.pushes.BearerToken(r.Header)
		if err == nil {
			err = rt.pushes.Verify(r.Context(), token)
		}
		if err != nil {
			slog.WarnContext(r.Context(), "a push request was refused", "error", err)
			refusal(r.Context(), err).Write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refusal returns the problem for an error of authorization, as RFC 6750, section 3,
// specifies.
func refusal(ctx context.Context, err error) *api.Problem {
	switch {
	case errors.Is(err, auth.ErrForbidden):
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Your account may not do this.")
	case errors.Is(err, auth.ErrKeysUnavailable):
		slog.ErrorContext(ctx, "the keys that verify tokens are unavailable", "error", err)
		return api.Unavailable("The token cannot be checked just now.")
	case errors.Is(err, auth.ErrRevoked):
		return api.NewProblem(http.StatusUnauthorized, api.CodeTokenRevoked, "The token was revoked: the account's role or password has changed, or its session has ended. "+
			"Renew it: POST /v1/sessions/refresh. If that is refused, sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, auth.ErrInvalidToken):
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token is not valid, or no longer. Sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case !errors.Is(err, auth.ErrUnauthenticated):
		// The request ended while its token was checked: the token may be valid.
		return failure.Problem(ctx, err)
	default:
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Send the header Authorization: Bearer with the accessToken of POST /v1/sessions.").
			WithHeader("WWW-Authenticate", "Bearer")
	}
}
