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

// answer is a response on its way: it keeps what the request log tells.
type answer struct {
	http.ResponseWriter
	ctx    context.Context // the trace that the log line belongs to
	status int
	bytes  int64
	// function is the one that answers, and requestID the request's X-Request-Id.
	function, requestID string
	// cacheControl is what caches may do with a successful response, "" for nothing.
	cacheControl string
}

func (a *answer) WriteHeader(status int) {
	// A 1xx only announces the answer.
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
		api.Protect(a.Header(), status, a.cacheControl)
		api.SetTraceID(a.Header(), telemetry.TraceID(a.ctx))
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// noFunction is in the request log for a request that no route is for.
const noFunction = "no function"

// serve is what a process does around the work of its functions: it counts the
// request, gives it a trace and an id, survives a panic, and writes the request log.
func (d *drain) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		d.enter(w)
		defer d.leave(w)
		ctx := telemetry.FromHeader(context.WithValue(r.Context(), stoppingKey{}, d.stopping), r.Header)
		a := &answer{ResponseWriter: w, ctx: ctx, function: noFunction}
		r = r.WithContext(ctx)
		defer func() {
			if cause := recover(); cause != nil {
				answerPanic(a, r, cause)
			}
			logRequest(a, r, time.Since(begin))
		}()
		var err error
		if a.requestID, err = api.RequestID(r.Header); err != nil {
			failure.Problem(ctx, fmt.Errorf("make a request id: %w", err)).Write(a, r)
			return
		}
		w.Header().Set(api.HeaderRequestID, a.requestID)
		next.ServeHTTP(a, r.WithContext(api.WithRequestID(ctx, a.requestID)))
		if a.status == 0 {
			a.WriteHeader(http.StatusOK) // as net/http would, but with the trace
		}
	})
}

// named has the request log name the function that responds, and lets caches store its
// responses for as long as its entry permits. A response to a request with Authorization
// is not stored: an admin who reads a product in order to change it gets the function's
// own, with the ETag of now (caches are bypassed on the way in: terraform/front.tf).
func named(entry manifest.Function, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := w.(*answer); ok {
			a.function = entry.Name
			if len(r.Header.Values("Authorization")) == 0 {
				a.cacheControl = entry.CacheControl()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// answerPanic logs a panic and, when no byte of the answer is out, answers 500.
func answerPanic(a *answer, r *http.Request, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	slog.ErrorContext(a.ctx, "the function panicked", "panic", cause, telemetry.StackTraceKey, telemetry.StackTrace(cause, debug.Stack()))
	if a.status == 0 {
		api.Internal().Write(a, r.WithContext(a.ctx))
	}
}

// logRequest writes the request in the form Cloud Logging shows as one:
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#httprequest
// The query stays out: what a client puts there is not ours to keep.
func logRequest(a *answer, r *http.Request, took time.Duration) {
	status := cmp.Or(a.status, http.StatusOK) // what net/http sends when nothing was written
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	//nolint:sloglint // the function's name is what a reader scans the log for
	slog.LogAttrs(a.ctx, level, a.function, slog.String("requestId", a.requestID), slog.Group("httpRequest",
		slog.String("requestMethod", r.Method),
		slog.String("requestUrl", r.URL.Path),
		slog.Int("status", status),
		slog.String("responseSize", strconv.FormatInt(a.bytes, 10)),
		slog.String("latency", strconv.FormatFloat(took.Seconds(), 'f', 6, 64)+"s"),
	))
}

// locate finds out which address the request comes from; see api.Client.
func (rt *Runtime) locate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(api.WithClient(r.Context(), api.ClientAddress(r, rt.hops))))
	})
}

// authorize lets through whom the function's access rule lets through.
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

// requireIAP refuses a request that has not passed Identity-Aware Proxy, where admin
// functions are behind it. Who may pass is the proxy's decision.
func (rt *Runtime) requireIAP(r *http.Request) error {
	err := rt.iap.Verify(r.Context(), r.Header)
	if errors.Is(err, auth.ErrForbidden) {
		slog.WarnContext(r.Context(), "an admin's request has not passed Identity-Aware Proxy", "error", err)
	}
	return err
}

// authorizePush lets through Pub/Sub alone.
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

// refusal says no as RFC 6750, section 3 does.
func refusal(ctx context.Context, err error) *api.Problem {
	switch {
	case errors.Is(err, auth.ErrForbidden):
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Your account may not do this.")
	case errors.Is(err, auth.ErrKeysUnavailable):
		slog.ErrorContext(ctx, "no keys to check tokens with", "error", err)
		return api.Unavailable("The token cannot be checked just now.")
	case errors.Is(err, auth.ErrRevoked):
		return api.NewProblem(http.StatusUnauthorized, api.CodeTokenRevoked, "The token was revoked: the account's role or password has changed, or its session has ended. "+
			"Renew it: POST /v1/sessions/refresh. If that is refused, sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, auth.ErrInvalidToken):
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token is not valid, or no longer. Sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case !errors.Is(err, auth.ErrUnauthenticated):
		// The request ended while its token was checked: that says nothing of the token.
		return failure.Problem(ctx, err)
	default:
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Send the header Authorization: Bearer with the accessToken of POST /v1/sessions.").
			WithHeader("WWW-Authenticate", "Bearer")
	}
}
