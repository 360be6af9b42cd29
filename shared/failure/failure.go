// Package failure decides what a client is told of an error.
package failure

import (
	"context"
	"errors"
	"log/slog"

	"souk/shared/api"
	"souk/shared/database"
)

// Problem returns the problem in err, or else logs err and returns a problem
// that tells nothing of it.
func Problem(ctx context.Context, err error) *api.Problem {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		return p
	case ctx.Err() != nil:
		slog.WarnContext(ctx, "the request ended before its answer", "error", err, "cause", context.Cause(ctx))
		return api.Unavailable("The request took too long.")
	case database.IsUnavailable(err):
		slog.ErrorContext(ctx, "the database is not available", "error", err)
		return api.Unavailable("The shop is busy.")
	default:
		slog.ErrorContext(ctx, "the operation failed", "error", err)
		return api.Internal()
	}
}
