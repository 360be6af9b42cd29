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
	"souk/shared/batch"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/health"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// defaultPort is the port of a function without PORT.
const defaultPort = "8080"

// settings are the environment variables that every service reads.
type settings struct {
	// CloudRunService is set by Cloud Run and by its local emulator, Emulator only by the
	// emulator.
	CloudRunService string `env:"K_SERVICE"`
	Emulator        bool   `env:"SOUK_EMULATOR"`
	// EmulatorHost is read by the Pub/Sub client.
	EmulatorHost string `env:"PUBSUB_EMULATOR_HOST"`
	// Port is set by Cloud Run; the framework does not read it.
	Port string `env:"PORT" envDefault:"8080"`
	// LocalOnly binds the listener to the loopback interface, as the same variable does
	// in the framework's main function.
	LocalOnly bool   `env:"LOCAL_ONLY"`
	Target    string `env:"FUNCTION_TARGET"`
	// ProfileDir is the folder for profiles of a local process; see startProfile.
	ProfileDir string `env:"PROFILE_DIR"`
	// TargetOptional lets a process start if its image does not have the function of
	// FUNCTION_TARGET; see notDeployed.
	TargetOptional bool `env:"FUNCTION_TARGET_OPTIONAL"`
	// TrustedHops is how many entries of X-Forwarded-For trusted proxies append after
	// the client's: 1 for Google's load balancer and for the gateway.
	TrustedHops int `env:"TRUSTED_HOPS" envDefault:"1"`
	Log         telemetry.LogConfig
	Trace       telemetry.TraceConfig
	Metrics     telemetry.MetricConfig
	DB          database.Config
	Batch       batch.Limits
	Auth        auth.Config
	Push        auth.PushConfig
	IAP         auth.IAPConfig
	Checkout    auth.CheckoutConfig
}

// check returns an error, on Cloud Run, for settings that are safe only on a local machine: a
// broker without authentication, and keys that are fetched without TLS.
func (s settings) check() error {
	errs := []error{api.CheckHops(s.TrustedHops), s.Trace.Validate(), s.Metrics.Validate(), s.Batch.Validate(), s.checkProfile()}
	if !s.onCloudRun() {
		if s.Push.Auth == auth.PushAuthIAM {
			errs = append(errs, errors.New("PUSH_AUTH=iam is for Cloud Run: here no IAM checks the signatures of push tokens"))
		}
		return errors.Join(errs...)
	}
	if s.EmulatorHost != "" {
		errs = append(errs, errors.New("PUBSUB_EMULATOR_HOST is for a local system: unset it on Cloud Run"))
	}
	for _, keys := range []struct{ variable, url string }{
		{"AUTH_JWKS_URL", s.Auth.KeysURL}, {"PUSH_JWKS_URL", s.Push.KeysURL}, {"IAP_JWKS_URL", s.IAP.KeysURL},
	} {
		if keys.url != "" && !strings.HasPrefix(keys.url, "https://") {
			errs = append(errs, fmt.Errorf("%s must begin with https:// on Cloud Run, or keys could be replaced in transit", keys.variable))
		}
	}
	return errors.Join(errs...)
}

// onCloudRun reports whether the process runs on Cloud Run, and not on a local machine.
func (s settings) onCloudRun() bool { return s.CloudRunService != "" && !s.Emulator }

// process describes the process of a service to the receiver of its traces and metrics.
func (s settings) process(service string) telemetry.Process {
	return telemetry.Process{
		Service: cmp.Or(s.Target, service), Project: s.Log.Project, Revision: s.Log.Revision, TrustsSampledFlag: !s.onCloudRun(),
	}
}

// FunctionsFunc returns all functions of a service.
type FunctionsFunc func(*Runtime) ([]Function, error)

// Run serves the functions of a service until ctx ends, and then waits for requests in
// flight. FUNCTION_TARGET selects one function; without it the process serves all functions
// of the service, each on its route.
func Run(ctx context.Context, environment config.Environment, logs io.Writer, m *manifest.Manifest, service string, build FunctionsFunc) error {
	slog.SetDefault(telemetry.NewLogger(logs)) // until the settings are loaded
	s, err := config.Load[settings](environment)
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	slog.SetDefault(s.Log.NewLogger(logs))
	stopProfile, err := s.startProfile(service)
	if err != nil {
		return err
	}
	return errors.Join(s.serve(ctx, environment, m, service, build), stopProfile())
}

// serve serves the functions of a service until ctx ends.
func (s settings) serve(ctx context.Context, environment config.Environment, m *manifest.Manifest, service string, build FunctionsFunc) error {
	checkoutTokens, err := auth.NewCheckoutTokens(s.Checkout)
	if err != nil {
		return err
	}
	connections, err := s.connect(usesDatabase(m, s.Target))
	if err != nil {
		return err
	}
	tracer := s.Trace.NewTracer(s.process(service))
	metrics := s.metrics(s.process(service), tracer, connections.db.SQL())
	runtime := NewRuntime(Options{
		Manifest: m, Service: service, Target: s.Target, TargetOptional: s.TargetOptional,
		DB: connections.db, ReplicaReader: connections.replicaReader, Publisher: connections.publisher, Batch: s.Batch,
		Environment: environment, Tracer: tracer, Metrics: metrics, TrustedHops: s.TrustedHops, UserAuth: s.Auth, PushAuth: s.Push, IAP: s.IAP,
		CheckoutTokens: checkoutTokens,
	})
	handler, drain, err := newHandler(runtime, build)
	if err != nil {
		return errors.Join(err, connections.close())
	}
	if err := register(ctx, s.Target, handler); err != nil {
		return errors.Join(err, connections.close())
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
			err = fmt.Errorf("requests were still in flight after %s", drainTimeout)
		}
		metrics.Flush(ctx)
	}
	return errors.Join(err, connections.close())
}

// connections are the connections of a process.
type connections struct {
	db            *database.DB
	replicaReader *database.ReplicaReader
	publisher     *event.PubSub
}

// connect opens the database, if it is used, its replica, if there is one, and the
// connection to Pub/Sub. None connects before it is used.
func (s settings) connect(usesDatabase bool) (connections, error) {
	db := database.Unavailable()
	if usesDatabase {
		var err error
		if db, err = database.Open(s.DB); err != nil {
			return connections{}, err
		}
	}
	replica, err := database.OpenReplica(s.DB)
	if err != nil {
		return connections{}, errors.Join(err, db.Close())
	}
	return connections{db, database.NewReplicaReader(db, replica, clock.System), event.NewPubSub(s.Log.Project)}, nil
}

func (c connections) close() error {
	return errors.Join(c.publisher.Close(), c.replicaReader.Close(), c.db.Close())
}

// usesDatabase reports whether the function of that name needs a database, or one of a
// service's if it is empty.
func usesDatabase(m *manifest.Manifest, target string) bool {
	entry, listed := m.Function(target)
	return !listed || entry.Database != manifest.NoDatabase
}

// register registers the handler with the framework for all paths. The handler's router
// matches the routes and responds with 404 and 405 as problems.
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

// Main is the main function of a service. It runs until SIGTERM or SIGINT and returns the
// exit code. With the argument healthcheck it only checks the health of the process that
// serves on PORT.
func Main(m *manifest.Manifest, service string, build FunctionsFunc) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], m, service, build); err != nil {
		slog.Error("service failed", "service", service, "error", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string, m *manifest.Manifest, service string, build FunctionsFunc) error {
	variables := config.FromPairs(os.Environ())
	if slices.Equal(args, []string{health.Argument}) {
		return health.Check(ctx, cmp.Or(variables["PORT"], defaultPort))
	}
	environment, err := variables.WithSecretFiles()
	if err != nil {
		return err
	}
	// With K_SERVICE, the framework writes an empty line to stdout and stderr for each request, to
	// flush buffers that a Go program does not have. The settings have its value.
	if err := os.Unsetenv("K_SERVICE"); err != nil {
		return fmt.Errorf("hide K_SERVICE from the framework: %w", err)
	}
	return Run(ctx, environment, os.Stderr, m, service, build)
}
