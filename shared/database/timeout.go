package database

import (
	"context"
	"errors"
	"time"
)

const (
	// rollbackTimeout bounds a ROLLBACK. If it fails, the connection is closed and the
	// server rolls back.
	rollbackTimeout = 2 * time.Second
	// commitGrace is how long a COMMIT may continue after the deadline of its context:
	// cancelling it makes its outcome unknown.
	commitGrace = time.Second
)

// errTimeout is the error of a statement without a response, or without a free connection,
// within Config.StatementTimeout.
var errTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string {
	return "the database did not respond within the statement timeout"
}

// Is reports whether target is the error of a context that ended at its deadline.
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// boundedContext is a context with an additional timer. After the timer, its Err is
// errTimeout: the driver and database/sql return it as the error of the statement.
type boundedContext struct{ context.Context }

func (c boundedContext) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), errTimeout) {
		return errTimeout
	}
	return err
}

// bound returns a context that ends with ctx, by end, or after the timeout unless stop is
// called before. A timeout of 0 means none.
func bound(ctx context.Context, timeout time.Duration) (bounded context.Context, stop, end func()) {
	if timeout <= 0 {
		return ctx, func() {}, func() {}
	}
	inner, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() { cancel(errTimeout) })
	return boundedContext{inner}, func() { timer.Stop() }, func() {
		timer.Stop()
		cancel(nil)
	}
}

// boundCommit returns a context for a COMMIT. The end of ctx does not cancel it, because a
// client that disconnects must not make the outcome unknown. It ends after the statement
// timeout, or commitGrace after the deadline of ctx if that is earlier.
func boundCommit(ctx context.Context, timeout time.Duration) (bounded context.Context, end func()) {
	if deadline, ok := ctx.Deadline(); ok {
		remaining := max(time.Until(deadline), 0) + commitGrace
		if timeout <= 0 || remaining < timeout {
			timeout = remaining
		}
	}
	bounded, _, end = bound(context.WithoutCancel(ctx), timeout)
	return bounded, end
}
