// Package failure maps errors to the problems that clients receive.
package failure

import (
	"context"
	"errors"
	"log/slog"

	"souk/shared/api"
	"souk/shared/database"
)

// ProblemFromError returns the problem in err. If there is none, it logs err and returns a
// problem without its details.
func ProblemFromError(ctx context.Context, err error) *api.Problem {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		return p
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
