package function

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"souk/shared/api"
	"souk/shared/apikey"
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
	case next.entry.Access == manifest.Anyone && next.entry.Authentication != manifest.OptionalToken:
		return next.handler
	default:
		return s.authorizeCaller(next.entry, next.handler)
	}
}

// authorizeCaller refuses requests that the access rule of a function does not allow, and those
// with an invalid token.
func (rt *Runtime) authorizeCaller(entry manifest.Function, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var principal auth.Principal
		ctx, span := telemetry.Start(r.Context(), spanAuthorize, trace.SpanKindInternal)
		token, err := auth.BearerToken(r.Header)
		if entry.Access == manifest.Anyone && errors.Is(err, auth.ErrUnauthenticated) {
			span.End(nil)
			next.ServeHTTP(w, r)
			return
		}
		if err == nil {
			principal, err = rt.verify(ctx, entry.Access, token)
		}
		if err == nil {
			const authenticated = true // by the token
			err = auth.Authorize(entry, principal, authenticated)
		}
		if err == nil && entry.Access.IsStaff() {
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

// verify returns the caller that a token identifies: of an account, an API key, or of a checkout where
// the access rule allows it. The tokens of checkouts are not revoked: a guest has nothing to revoke
// them with.
func (rt *Runtime) verify(ctx context.Context, access manifest.Access, token string) (auth.Principal, error) {
	if access == manifest.Checkout && auth.IsCheckoutToken(token) {
		return rt.CheckoutTokens.Verify(token, rt.Now())
	}
	if apikey.IsSecret(token) {
		return rt.verifyKey(ctx, token)
	}
	principal, err := rt.userVerifier.Verify(ctx, token)
	if err == nil {
		err = rt.Revocations.Check(ctx, principal)
	}
	return principal, err
}

// requireIAP returns an error for a request that has not passed Identity-Aware Proxy, if the
// functions for staff are behind it: of a person or, with an API key, of a machine. The proxy decides which requests may pass.
func (rt *Runtime) requireIAP(r *http.Request) error {
	err := rt.iapVerifier.Verify(r.Context(), r.Header)
	if errors.Is(err, auth.ErrForbidden) {
		slog.WarnContext(r.Context(), "refuse staff request without a valid assertion of Identity-Aware Proxy", "error", err)
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
	if problem := keyRefusal(err); problem != nil {
		return problem
	}
	var missing *auth.MissingPermissionError
	switch {
	case errors.As(err, &missing):
		return failure.MissingPermission(missing)
	case errors.Is(err, auth.ErrForbidden):
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Your token does not allow this operation.")
	case errors.Is(err, auth.ErrKeysUnavailable):
		slog.ErrorContext(ctx, "keys for verifying tokens are unavailable", "error", err)
		return api.Unavailable("The token cannot be verified right now.")
	case errors.Is(err, auth.ErrRevoked):
		return api.NewProblem(http.StatusUnauthorized, api.CodeTokenRevoked, "The token was revoked: the account's role or password has changed, or its session has ended. "+
			"Renew it: POST /v1/sessions/refresh. If that fails, sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, auth.ErrInvalidCheckoutToken):
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token of the checkout is invalid or has expired. Create another checkout: POST /v1/checkouts.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, auth.ErrInvalidToken):
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token is invalid or has expired. Sign in again: POST /v1/sessions.").
			WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
	case !errors.Is(err, auth.ErrUnauthenticated):
		// The request ended while its token was checked: the token may be valid.
		return failure.ProblemFromError(ctx, err)
	default:
		return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Send the header Authorization: Bearer TOKEN, where TOKEN is the accessToken that POST /v1/sessions returned. "+
			"Checkouts and their orders also accept the token that POST /v1/checkouts returned.").
			WithHeader("WWW-Authenticate", "Bearer")
	}
}
