package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	framework "github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/health"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/revocation"
	"souk/shared/telemetry"
)

// defaultPort is where a function is served without PORT.
const defaultPort = "8080"

// settings are the environment variables that every service reads.
type settings struct {
	// Service is set on Cloud Run, Emulator by what stands in for it.
	Service  string `env:"K_SERVICE"`
	Emulator bool   `env:"SOUK_EMULATOR"`
	// EmulatorHost is read by the Pub/Sub client.
	EmulatorHost string `env:"PUBSUB_EMULATOR_HOST"`
	// Port is Cloud Run's contract: the framework does not read it for us.
	Port string `env:"PORT" envDefault:"8080"`
	// LocalOnly keeps a process on someone's own machine from being reached from
	// others. The framework's own main function has the same variable.
	LocalOnly bool   `env:"LOCAL_ONLY"`
	Target    string `env:"FUNCTION_TARGET"`
	// TargetOptional lets a process start although its image does not have the function
	// that it is to serve: see absent.
	TargetOptional bool `env:"FUNCTION_TARGET_OPTIONAL"`
	// TrustedHops is how many entries of X-Forwarded-For our own proxies append
	// after the client's: 1 is Google's load balancer, and the gateway.
	TrustedHops int `env:"TRUSTED_HOPS" envDefault:"1"`
	Log         telemetry.LogConfig
	DB          database.Config
	Auth        auth.Config
	Push        auth.PushConfig
	IAP         auth.IAPConfig
}

// check refuses, on the real Cloud Run, what only a machine of one's own may
// trust: a broker without authentication, and tokens whose keys came in the clear.
func (s settings) check() error {
	faults := []error{api.CheckHops(s.TrustedHops)}
	if s.Service == "" || s.Emulator {
		if s.Push.Auth == auth.PushAuthIAM {
			faults = append(faults, errors.New("PUSH_AUTH=iam is for Cloud Run alone: here nobody has checked the signatures of push tokens"))
		}
		return errors.Join(faults...)
	}
	if s.EmulatorHost != "" {
		faults = append(faults, errors.New("PUBSUB_EMULATOR_HOST is for a local system: unset it on Cloud Run"))
	}
	for name, url := range map[string]string{"AUTH_JWKS_URL": s.Auth.KeysURL, "PUSH_JWKS_URL": s.Push.KeysURL, "IAP_JWKS_URL": s.IAP.KeysURL} {
		if url != "" && !strings.HasPrefix(url, "https://") {
			faults = append(faults, fmt.Errorf("%s must begin with https:// on Cloud Run, or anyone between could sign tokens", name))
		}
	}
	return errors.Join(faults...)
}

// Migrations make the tables that functions need besides their service's own:
// every service's database has them.
func Migrations() []database.Migrations {
	return []database.Migrations{event.Migrations, idempotency.Migrations, revocation.Migrations}
}

// Runtime is what the functions of a process share.
type Runtime struct {
	DB *database.DB
	// Reads is for reads that may be some seconds old.
	Reads  *database.Reads
	Outbox *event.Outbox
	Now    clock.Clock
	// Revocations are the access tokens that are invalid before they expire.
	Revocations *revocation.List
	// Environment is for the settings that only one service has.
	Environment config.Environment

	keys   *idempotency.Keys
	target string
	// targetOptional: see settings.TargetOptional
	targetOptional bool

	hops   int // see settings.TrustedHops
	users  *auth.Verifier
	pushes *auth.PushVerifier
	iap    *auth.IAPVerifier // nil where admin functions are not behind it
}

// RequireIAP has admin functions refuse requests that have not passed Identity-Aware
// Proxy, besides those without an admin's token.
func (rt *Runtime) RequireIAP(c auth.IAPConfig) { rt.iap = auth.NewIAPVerifier(c, rt.Now) }

// Serves says whether this process serves a function, so that a service asks only
// for what the function it is here for needs.
func (rt *Runtime) Serves(function string) bool { return rt.target == "" || rt.target == function }

// NewRuntime returns a runtime that checks tokens by the given settings. Nothing
// of it connects anywhere before a request needs it.
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

// Builder makes all functions of a service.
type Builder func(*Runtime) ([]Function, error)

// Run serves the functions of a service until ctx ends, then lets the requests in
// flight finish. FUNCTION_TARGET picks one function; without it the process
// serves all of the service, each on its route.
func Run(ctx context.Context, environment config.Environment, logs io.Writer, list *manifest.Manifest, service string, build Builder) error {
	slog.SetDefault(telemetry.NewLogger(logs)) // until the settings say more
	s, err := config.Load[settings](environment)
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	slog.SetDefault(s.Log.NewLogger(logs))
	db := database.None()
	if usesDatabase(list, s.Target) {
		if db, err = database.Open(s.DB); err != nil {
			return err
		}
	}
	publisher := event.NewPubSub(s.Log.Project)
	runtime := NewRuntime(db, publisher, clock.System, environment, s.Auth, s.Push)
	replica, err := database.OpenReplica(s.DB)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	if replica != nil {
		runtime.Reads = database.NewReads(db, replica, clock.System)
	}
	runtime.target, runtime.targetOptional, runtime.hops = s.Target, s.TargetOptional, s.TrustedHops
	runtime.RequireIAP(s.IAP)
	handler, drain, err := newHandler(runtime, list, service, build)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	if err := register(ctx, s.Target, handler); err != nil {
		return errors.Join(err, db.Close())
	}
	host := ""
	if s.LocalOnly {
		host = "127.0.0.1"
	}
	failed := make(chan error, 1)
	go func() { failed <- funcframework.StartHostPort(host, s.Port) }()
	select {
	case err = <-failed:
		err = fmt.Errorf("serve on port %s: %w", s.Port, err)
	case <-ctx.Done():
		if !drain.wait(context.WithoutCancel(ctx)) {
			err = fmt.Errorf("gave up waiting for requests after %s", drainTimeout)
		}
	}
	return errors.Join(err, publisher.Close(), db.Close())
}

// usesDatabase reports whether the function of that name needs a database, or one of a
// service's if it is empty.
func usesDatabase(list *manifest.Manifest, target string) bool {
	entry, listed := list.Function(target)
	return !listed || entry.Database != manifest.NoDatabase
}

// register hands the handler to the framework, which serves it on every path:
// the router in it knows the routes, and says 404 and 405 in the shop's way.
func register(ctx context.Context, target string, handler http.Handler) error {
	if target != "" {
		framework.HTTP(target, handler.ServeHTTP)
		return nil
	}
	if err := funcframework.RegisterHTTPFunctionContext(ctx, "/", handler.ServeHTTP); err != nil {
		return fmt.Errorf("register the functions: %w", err)
	}
	return nil
}

// NewHandler returns the handler of all functions of a service, each on its
// route, as a process without FUNCTION_TARGET serves them.
func NewHandler(runtime *Runtime, list *manifest.Manifest, service string, build Builder) (http.Handler, error) {
	handler, _, err := newHandler(runtime, list, service, build)
	return handler, err
}

func newHandler(runtime *Runtime, list *manifest.Manifest, service string, build Builder) (http.Handler, *drain, error) {
	written, err := build(runtime)
	if err != nil {
		return nil, nil, fmt.Errorf("build service %s: %w", service, err)
	}
	listed, err := match(list.Of(service), written, service)
	if err != nil {
		return nil, nil, err
	}
	drain := newDrain()
	binder := newBinder(runtime, list.Delivery)
	router := api.NewRouter()
	var names, publishes []string
	for i, entry := range listed {
		names = append(names, entry.Name)
		if !runtime.Serves(entry.Name) {
			continue
		}
		publishes = append(publishes, entry.Publishes...)
		handler, err := written[i].bind(entry, binder)
		if err != nil {
			return nil, nil, err
		}
		if entry.HTTP != "" {
			handler = runtime.authorize(entry.Access, handler)
		} else {
			handler = runtime.authorizePush(handler)
		}
		router.Handle(Pattern(entry), named(entry, handler))
	}
	var routes http.Handler = router
	if target := runtime.target; target != "" && !slices.Contains(names, target) {
		if !runtime.targetOptional {
			return nil, nil, fmt.Errorf("FUNCTION_TARGET=%s: not a function of service %s, which has %s", target, service, strings.Join(names, ", "))
		}
		routes = absent(target)
	}
	runtime.Outbox.Permit(publishes)
	handler := health.Handler(drain.serve(runtime.locate(routes)))
	if usesDatabase(list, runtime.target) {
		handler = health.Startup(runtime.DB.PingContext, handler)
	}
	return handler, drain, nil
}

// match finds the entry in the list for every function that is written, and fails
// when either lacks one: a function that nobody listed has no access rule.
func match(listed []manifest.Function, written []Function, service string) ([]manifest.Function, error) {
	var faults []error
	matched := make([]manifest.Function, len(written))
	for i, f := range written {
		at := slices.IndexFunc(listed, func(entry manifest.Function) bool { return entry.Name == f.Name })
		if at < 0 {
			faults = append(faults, fmt.Errorf("function %s of service %s is not in the list of functions", f.Name, service))
			continue
		}
		matched[i] = listed[at]
	}
	for _, entry := range listed {
		if !slices.ContainsFunc(written, func(f Function) bool { return f.Name == entry.Name }) {
			faults = append(faults, fmt.Errorf("function %s is listed, but service %s does not have it", entry.Name, service))
		}
	}
	return matched, errors.Join(faults...)
}

// Main is the main function of a service: it runs until SIGTERM or SIGINT and
// returns the exit code. With the argument healthcheck it asks the process that
// serves on PORT whether it is well, and does nothing else.
func Main(list *manifest.Manifest, service string, build Builder) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], list, service, build); err != nil {
		slog.Error("the service stopped", "service", service, "error", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, list *manifest.Manifest, service string, build Builder) error {
	variables := config.FromPairs(os.Environ())
	if slices.Equal(args, []string{health.Command}) {
		return health.Check(ctx, cmp.Or(variables["PORT"], defaultPort))
	}
	environment, err := variables.WithSecrets()
	if err != nil {
		return err
	}
	return Run(ctx, environment, os.Stderr, list, service, build)
}
