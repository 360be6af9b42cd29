package function

import (
	"context"

	"souk/shared/apikey"
	"souk/shared/auth"
	"souk/shared/batch"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/revocation"
	"souk/shared/telemetry"
	"souk/shared/trail"
)

// Migrations returns the migrations of the tables that are in the database of every service,
// besides the service's own.
func Migrations() []database.Migrations {
	return []database.Migrations{event.Migrations, idempotency.Migrations, revocation.Migrations, apikey.Migrations, trail.Migrations}
}

// Options are the settings and dependencies of a Runtime.
type Options struct {
	// Manifest is the content of functions.yaml. Without one, no topic may be published to.
	// Service is the service that the process belongs to.
	Manifest *manifest.Manifest
	Service  string
	// Target is the one function that the process serves, "" for all of the service.
	Target string
	// TargetOptional is described at settings.TargetOptional.
	TargetOptional bool

	// DB is the service's database. It is nil when the documentation is generated.
	DB *database.DB
	// ReplicaReader is for queries whose result may be some seconds old; nil reads from DB.
	ReplicaReader *database.ReplicaReader
	Publisher     event.Publisher
	// Batch bounds the batches of EventBatch and CommandBatch.
	Batch batch.Limits
	// Now is the clock; nil is the system's.
	Now clock.Clock
	// Environment holds the settings of the service.
	Environment config.Environment
	// Tracer records sampled requests; nil records none.
	Tracer *telemetry.Tracer
	// Metrics are exported by requests; nil are none.
	Metrics *telemetry.Metrics

	// MaxWorking overrides, in tests, how many requests of each function are worked on at the
	// same time; see admissionLimit.
	MaxWorking *int

	// TrustedHops is described at settings.TrustedHops.
	TrustedHops int
	// UserAuth and PushAuth configure the verification of access tokens and of Pub/Sub's
	// tokens.
	UserAuth auth.Config
	PushAuth auth.PushConfig
	// IAP makes the functions for staff also refuse requests that have not passed Identity-Aware
	// Proxy, unless it is zero.
	IAP auth.IAPConfig
	// CheckoutTokens verify the tokens of checkouts; nil verify none.
	CheckoutTokens *auth.CheckoutTokens
}

// publishes returns the topics to which the functions that the process serves publish.
func (o Options) publishes() []string {
	var topics []string
	for _, entry := range o.Manifest.FunctionsOf(o.Service) {
		if o.serves(entry.Name) {
			topics = append(topics, entry.Publishes...)
		}
	}
	return topics
}

func (o Options) serves(function string) bool { return o.Target == "" || o.Target == function }

// Runtime holds the dependencies that the functions of a process share. NewRuntime builds it
// completely; it does not change afterwards.
type Runtime struct {
	DB *database.DB
	// ReplicaReader is for queries whose result may be some seconds old.
	ReplicaReader *database.ReplicaReader
	Outbox        *event.Outbox
	Now           clock.Clock
	// Batch bounds the batches of functions.
	Batch batch.Limits
	// Revocations lists the access tokens that were revoked before they expire.
	Revocations *revocation.List
	// APIKeys lists the API keys of the shop.
	APIKeys *apikey.List
	// CheckoutTokens signs and verifies the tokens of checkouts.
	CheckoutTokens *auth.CheckoutTokens
	// Environment holds the settings of the service.
	Environment config.Environment

	options         Options
	idempotencyKeys *idempotency.Keys
	userVerifier    *auth.Verifier
	pushVerifier    *auth.PushVerifier
	iapVerifier     *auth.IAPVerifier // nil if the functions for staff are not behind the proxy
}

// NewRuntime returns a new Runtime. It does not connect before a request needs a
// connection.
func NewRuntime(o Options) *Runtime {
	if o.Manifest == nil {
		o.Manifest = &manifest.Manifest{}
	}
	if o.Now == nil {
		o.Now = clock.System
	}
	if o.ReplicaReader == nil {
		o.ReplicaReader = database.NewReplicaReader(o.DB, nil, o.Now)
	}
	outbox := event.NewOutbox(o.DB, o.Publisher, o.Now, pause, event.Permit(o.publishes()))
	return &Runtime{
		DB: o.DB, ReplicaReader: o.ReplicaReader, Now: o.Now, Environment: o.Environment, Batch: o.Batch, CheckoutTokens: o.CheckoutTokens,
		Outbox:          outbox,
		Revocations:     revocation.NewList(o.DB, o.Now),
		APIKeys:         apikey.NewList(o.DB, outbox, o.Now),
		options:         o,
		idempotencyKeys: idempotency.NewKeys(o.DB, o.Now),
		userVerifier:    auth.NewVerifier(o.UserAuth, o.Now),
		pushVerifier:    auth.NewPushVerifier(o.PushAuth, o.Now),
		iapVerifier:     auth.NewIAPVerifier(o.IAP, o.Now),
	}
}

// Serves reports whether this process serves a function, so that a service requires only
// the settings of the functions that it serves.
func (rt *Runtime) Serves(function string) bool { return rt.options.serves(function) }

// Sweep returns the handler of a service's sweep, the function SERVICE-outbox. It publishes
// pending events and deletes rows whose retention has ended: those of the tables of
// Migrations, and those that serviceCleanups prune.
func (rt *Runtime) Sweep(serviceCleanups ...func(context.Context) error) func(context.Context) error {
	cleanups := append([]func(context.Context) error{rt.idempotencyKeys.Prune, rt.Revocations.Prune, rt.APIKeys.Prune, rt.APIKeys.ReportUses, rt.pruneTrail}, serviceCleanups...)
	return func(ctx context.Context) error { return rt.Outbox.Sweep(ctx, cleanups...) }
}

// pruneTrail deletes the entries of the trail whose retention has ended.
func (rt *Runtime) pruneTrail(ctx context.Context) error { return trail.Prune(ctx, rt.DB, rt.Now()) }
