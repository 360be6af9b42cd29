package function

import (
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/idempotency"
	"souk/shared/revocation"
)

// Migrations returns the migrations of the tables that every service's database has besides
// the service's own.
func Migrations() []database.Migrations {
	return []database.Migrations{event.Migrations, idempotency.Migrations, revocation.Migrations}
}

// Runtime has the dependencies that the functions of a process share.
type Runtime struct {
	DB *database.DB
	// Reads is for reads that may be some seconds old.
	Reads  *database.Reads
	Outbox *event.Outbox
	Now    clock.Clock
	// Revocations has the access tokens that were revoked before they expire.
	Revocations *revocation.List
	// Environment has the settings of a single service.
	Environment config.Environment

	keys   *idempotency.Keys
	target string
	// targetOptional: see settings.TargetOptional
	targetOptional bool

	hops   int // see settings.TrustedHops
	users  *auth.Verifier
	pushes *auth.PushVerifier
	iap    *auth.IAPVerifier // nil if admin functions are not behind the proxy
}

// RequireIAP makes admin functions also refuse requests that have not passed Identity-Aware
// Proxy.
func (rt *Runtime) RequireIAP(c auth.IAPConfig) { rt.iap = auth.NewIAPVerifier(c, rt.Now) }

// Serves reports whether this process serves a function, so that a service requires only
// the settings of the functions that it serves.
func (rt *Runtime) Serves(function string) bool { return rt.target == "" || rt.target == function }

// NewRuntime returns a new Runtime that verifies tokens by the given settings. It does not
// connect before a request needs a connection.
func NewRuntime(db *database.DB, publisher event.Publisher, now clock.Clock, environment config.Environment,
	users auth.Config, pushes auth.PushConfig) *Runtime {
	outbox, keys := event.NewOutbox(db, publisher, now, pause), idempotency.NewKeys(db, now)
	revocations := revocation.NewList(db, now)
	outbox.OnSweep(keys.Sweep)
	outbox.OnSweep(revocations.Sweep)
	return &Runtime{
		DB: db, Reads: database.NewReads(db, nil, now), Outbox: outbox, Now: now, Revocations: revocations, Environment: environment, keys: keys, hops: 1,
		users: auth.NewVerifier(users, now), pushes: auth.NewPushVerifier(pushes, now),
	}
}
