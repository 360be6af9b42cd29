package database

import "context"

// Guard has the last word in a transaction: it runs before the commit, as part of
// it, and its error rolls everything back.
type Guard func(ctx context.Context, tx *Tx) error

type guardKey struct{}

// WithGuard returns a context in which every transaction, and every statement that
// DB.ExecContext runs by itself, is guarded. AfterCommit's hooks are not: what they
// do is no part of the transaction. nil takes a guard away.
func WithGuard(ctx context.Context, guard Guard) context.Context {
	if guard == nil && guardOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, guardKey{}, guard)
}

func guardOf(ctx context.Context) Guard {
	guard, _ := ctx.Value(guardKey{}).(Guard)
	return guard
}
