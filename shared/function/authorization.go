package function

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/failure"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// authorize refuses requests that may not reach the function: those of clients by its access
// rule, and those to a function that Pub/Sub calls by Pub/Sub's token.
func authorize(s *server, next endpoint) http.Handler {
	switch {
	case next.entry.HTTP == "":
		return s.authorizePush(next.handler)
	case next.entry.Access == manifest.Anyone:
		return next.handler
	default:
		return s.authorizeCaller(next.entry.Access, next.handler)
	}
}

// authorizeCaller refuses requests that an access rule does not allow.
func (rt *Runtime) authorizeCaller(access manifest.Access, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var principal auth.Principal
		ctx, span := telemetry.Start(r.Context(), spanAuthorize, trace.SpanKindInternal)
		token, err := auth.BearerToken(r.Header)
		if err == nil {
			principal, err = rt.userVerifier.Verify(ctx, token)
		}
		if err == nil {
			err = rt.Revocations.Check(ctx, principal)
		}
		if err == nil {
			const authenticated = true // by the token
			err = auth.Authorize(access, principal, authenticated)
		}
		if err == nil && access == manifest.Admin {
			err = rt.requireIAP(r)
		}
		span.End(err)
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
	err := rt.iapVerifier.Verify(r.Context(), r.Header)
	if errors.Is(err, auth.ErrForbidden) {
		slog.WarnContext(r.Context(), "refuse admin request without a valid assertion of Identity-Aware Proxy", "error", err)
	}
	return err
}

// authorizePush refuses requests that are not from Pub/Sub.
func (rt *Runtime) authorizePush(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := startAuthorization(w, r)
		token, err := rt.pushVerifier.BearerToken(r.Header)
		if err == nil {
			err = rt.pushVerifier.Verify(ctx, token)
		}
		end(err)
		if err != nil {
			slog.WarnContext(r.Context(), "refuse push request", "error", err)
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
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "The role of your account does not allow this operation.")
	case errors.Is(err, auth.ErrKeysUnavailable):
		slog.ErrorContext(ctx, "keys for verifying tokens are unavailable", "error", err)
		return api.Unavailable("The token cannot be verified right now.")
	case errors.Is(err, auth.ErrRevoked):
		return api.NewProblem(http.StatusUnauthorized, api.CodeTokenRevoked, "The token was revoked: the account's role or password has changed, or its session has ended. "+
			"Renew it: POST /v1/sessions/refresh. If that fails, sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, auth.ErrInvalidToken):
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token is invalid or has expired. Sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case !errors.Is(err, auth.ErrUnauthenticated):
		// The request ended while its token was checked: the token may be valid.
		return failure.ProblemFromError(ctx, err)
	default:
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Send the header Authorization: Bearer TOKEN, where TOKEN is the accessToken that POST /v1/sessions returned.").
			WithHeader("WWW-Authenticate", "Bearer")
	}
}
