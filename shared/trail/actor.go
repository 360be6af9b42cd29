package trail

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/telemetry"
)

// Kind is the kind of who makes a change.
type Kind string

// The kinds of who makes a change.
const (
	Staff    Kind = "staff"    // an account with a role in the shop
	Customer Kind = "customer" // another account
	Guest    Kind = "guest"    // the holder of the token of a checkout
	Key      Kind = "key"      // a machine with an API key
	Function Kind = "function" // the operation itself: by an event, by schedule, or for an unknown client
)

// Actor is who makes a change.
type Actor struct {
	Kind Kind
	// ID is that of the account, the key or the checkout; uuid.Nil for a function and a deleted
	// account.
	ID uuid.UUID
	// Role is the account's at the time of the change.
	Role auth.Role
}

// ActorFrom returns the caller of a request, or the function itself.
func ActorFrom(ctx context.Context) Actor {
	p, found := auth.PrincipalFrom(ctx)
	if !found || p.Role == "" {
		return Actor{Kind: Function}
	}
	actor := Actor{Kind: Staff, ID: p.ID(), Role: p.Role}
	switch p.Role {
	case auth.Customer:
		actor.Kind = Customer
	case auth.Guest:
		actor.Kind, actor.Role = Guest, ""
	case auth.Key:
		actor.Kind, actor.Role = Key, ""
	}
	return actor
}

// ByAccount returns a context in which an account makes the changes: the owner has proved to be it,
// by a password or a token from a mail, without an access token.
func ByAccount(ctx context.Context, id uuid.UUID, role auth.Role) context.Context {
	return auth.WithPrincipal(ctx, auth.Principal{UserID: id, Role: role})
}

// ByFunction returns a context in which the function makes the changes, not the caller of the request
// in which it finds that they are due.
func ByFunction(ctx context.Context) context.Context {
	return auth.WithPrincipal(ctx, auth.Principal{})
}

// Origin is what causes a change.
type Origin struct {
	Operation string // the name of the function
	RequestID string
	TraceID   string
}

type operationKey struct{}

// WithOperation returns a context of a function, which makes the changes.
func WithOperation(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, operationKey{}, name)
}

// OriginFrom returns what causes changes in a context.
func OriginFrom(ctx context.Context) Origin {
	operation, _ := ctx.Value(operationKey{}).(string)
	return Origin{Operation: operation, RequestID: api.RequestIDFrom(ctx), TraceID: telemetry.TraceID(ctx)}
}
