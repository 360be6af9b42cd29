// Package failure maps errors to the problems that clients receive.
package failure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

// ProblemFromError returns the problem in err. If there is none, it logs err and returns a
// problem without its details.
func ProblemFromError(ctx context.Context, err error) *api.Problem {
	var p *api.Problem
	var missing *auth.MissingPermissionError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &missing):
		return MissingPermission(missing)
	case ctx.Err() != nil:
		slog.WarnContext(ctx, "request ended before its response", "error", err, "cause", context.Cause(ctx))
		return api.Unavailable("The request took too long.")
	case database.IsUnavailable(err):
		slog.ErrorContext(ctx, "database unavailable", "error", err)
		return api.Unavailable("The shop is busy.")
	default:
		slog.ErrorContext(ctx, "operation failed", "error", err)
		return api.Internal()
	}
}

// MissingPermission returns the problem of a caller without a permission, as RFC 6750, section 3.1,
// specifies.
func MissingPermission(missing *auth.MissingPermissionError) *api.Problem {
	detail := "This operation needs the permission %s, which the role of your account does not have. Ask an owner of the shop for a role that has it."
	if missing.Role == auth.Key {
		detail = "This operation needs the permission %s, which your API key does not have. Use a key that has it."
	}
	return api.NewProblem(http.StatusForbidden, api.CodeForbidden, detail, missing.Needed).
		WithHeader("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, missing.Needed))
}
