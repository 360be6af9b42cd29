//go:build !container

package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/gateway"
	"souk/emulators/identity"
	"souk/emulators/mail"
	"souk/emulators/mysql"
	"souk/emulators/pubsub"
	"souk/emulators/scheduler"
	"souk/emulators/transport"
	"souk/functions"
	"souk/shared/function"
	"souk/shared/manifest"
)

// migrate creates or updates the services' databases.
func (s *System) migrate(ctx context.Context) (string, error) {
	list := s.options.Manifest
	prefix, err := Prefix(s.options.DatabaseURL)
	if err != nil {
		return "", err
	}
	urls, err := Databases{Server: s.server.AdminURL(), Prefix: prefix, Passwords: s.secrets.Databases}.Migrate(ctx, list)
	if err != nil {
		return "", err
	}
	s.urls, s.databases = urls, map[string]string{}
	for _, service := range list.Services() {
		s.databases[service] = databaseName(prefix, service)
	}
	return fmt.Sprintf("%d databases up to date, %d database users", len(s.databases), len(urls)), nil
}

// seed creates the accounts of the two logins.
func (s *System) seed(ctx context.Context) (string, error) {
	url, err := mysql.DatabaseURL(s.server.AdminURL(), s.databases["user"])
	if err != nil {
		return "", err
	}
	err = s.secrets.seed(ctx, url)
	return "an admin and a customer", err
}

// mailPage is the preferred address of the mail page, so that it is the same on each start.
const mailPage = "127.0.0.1:8025"

// startMail starts the mail server.
func (s *System) startMail(ctx context.Context) (detail string, err error) {
	options := mail.Options{Logger: s.log.With("part", "mail"), Hosts: s.options.Hosts}
	if s.options.Port != 0 {
		options.HTTP = mailPage
	}
	s.mail, err = mail.Start(ctx, options)
	if errors.Is(err, syscall.EADDRINUSE) { // by a second system or another mail server
		options.HTTP = ""
		s.mail, err = mail.Start(ctx, options)
	}
	if err != nil {
		return "", err
	}
	s.secrets.smtp = s.mail.SMTP()
	s.started("mail", s.mail.Close)
	return s.mail.URL(), nil
}

// tokens is the issuer of push tokens with its own server.
type tokens struct {
	*identity.Issuer
	server *http.Server
	served chan error
}

func (s *System) startTokens(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the token issuer: %w", err)
	}
	issuer, err := identity.New(identity.Options{Dir: s.state.file("identity"), URL: "http://" + listener.Addr().String()})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	t := &tokens{
		Issuer: issuer,
		server: &http.Server{Handler: s.options.Hosts.Handler(issuer), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute},
		served: make(chan error, 1),
	}
	go func() { t.served <- t.server.Serve(listener) }()
	s.issuer = t
	s.started("token issuer", t.stop)
	return nil
}

func (t *tokens) stop(ctx context.Context) error {
	err := t.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, t.server.Close())
	}
	<-t.served
	return err
}

// startFunctions opens the functions' URLs. Their processes start with the first request, so
// they may depend on parts that start later.
func (s *System) startFunctions(ctx context.Context) (string, error) {
	if err := s.startTokens(ctx); err != nil {
		return "", err
	}
	var err error
	s.platform, err = cloudrun.Start(ctx, cloudrun.Options{
		Manifest: s.options.Manifest, BinDir: s.options.BinDir, Env: s.environment,
		Logs: s.functionLog, Logger: s.log.With("part", "cloudrun"), Hosts: s.options.Hosts,
		Tracer:  s.traces.tracer("cloudrun"),
		Windows: s.options.Scaling.Windows, ColdStart: s.options.ColdStart, Policy: s.options.Policy,
		Cgroups: s.openLimits(),
	})
	if err != nil {
		return "", err
	}
	s.started("functions", s.platform.Stop)
	return s.describeFunctions(), nil
}

// endpoint returns the push URL of a function.
func (s *System) endpoint(f manifest.Function) string {
	f.HTTP = function.Pattern(f)
	return s.routeTo(Push, f.Name, s.platform.URL(f.Name)) + f.Path()
}

// audience returns the audience of a function's push tokens. A token for one function is not
// valid for another.
func (s *System) audience(f manifest.Function) string { return s.platform.URL(f.Name) }

// pushDialTimeout bounds the connection to a proxy between the broker and a function.
const pushDialTimeout = 5 * time.Second

// brokerOptions returns the options of the broker, on a free port.
func (s *System) brokerOptions() pubsub.Options {
	return pubsub.Options{
		Dir: s.state.file("pubsub"), Tokens: s.issuer, Tracer: s.traces.tracer("pubsub"), Logger: s.log.With("part", "pubsub"),
		Transport: s.platform.Direct(transport.New(pushDialTimeout)),
		Duplicate: s.options.Duplicate, Shuffle: s.options.Shuffle,
	}
}

func (s *System) startPubSub(ctx context.Context) (string, error) {
	options := s.brokerOptions()
	// Messages of an earlier run wait until the endpoints of this run are set.
	options.StartPaused = true
	broker, err := pubsub.Start(ctx, options)
	if err != nil {
		return "", err
	}
	s.broker = broker
	s.wire()
	s.started("pub/sub", s.StopBroker)
	err = SetUpTopics(ctx, broker.Addr(), Project, pubsub.Topology{
		Manifest: s.options.Manifest, Endpoint: s.endpoint, ServiceAccount: PushServiceAccount, Audience: s.audience,
	})
	if err != nil {
		return "", err
	}
	pruned, err := PruneTopics(ctx, broker.Addr(), Project, s.options.Manifest)
	if err != nil {
		return "", err
	}
	broker.Resume()
	topics := 0
	for _, f := range s.options.Manifest.Functions {
		topics += len(f.Topics())
	}
	text := fmt.Sprintf("%d push subscriptions, each with its dead-letter topic", topics)
	if len(pruned) > 0 {
		text += "; deleted those of removed functions: " + strings.Join(pruned, ", ")
	}
	return text, nil
}

func (s *System) startScheduler(ctx context.Context) (string, error) {
	client, err := pubsub.Connect(ctx, s.broker.Addr(), Project)
	if err != nil {
		return "", err
	}
	publisher := &publisher{client: client}
	s.started("scheduler's publisher", func(context.Context) error { return publisher.close() })
	// The scheduler runs until Stop, not only for the start.
	s.scheduler, err = scheduler.Start(context.WithoutCancel(ctx), scheduler.Options{
		Manifest: s.options.Manifest, Publisher: publisher, Tracer: s.traces.tracer("scheduler"), Logger: s.log.With("part", "scheduler"),
	})
	if err != nil {
		return "", err
	}
	s.started("scheduler", func(context.Context) error { s.scheduler.Close(); return nil })
	scheduled := 0
	for _, f := range s.options.Manifest.Functions {
		if f.Schedule != "" {
			scheduled++
		}
	}
	return fmt.Sprintf("%d functions, in UTC", scheduled), nil
}

func (s *System) startGateway(ctx context.Context) (string, error) {
	options := s.gatewayOptions()
	options.Manifest, options.OpenAPI = s.options.Manifest, functions.OpenAPI
	options.Links = []gateway.Link{s.console.link(), gateway.MailLink(s.mail.URL()), gateway.PaymentLink(s.paymentURL)}
	options.Origins, options.Hosts = s.options.Origins, s.options.Hosts
	options.Tracer, options.Logger = s.traces.tracer("gateway"), s.log.With("part", "gateway")
	handler, err := gateway.New(options)
	if err != nil {
		return "", err
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() {
		err := gateway.Serve(serving, s.listener, handler)
		if err != nil {
			s.fail(err)
		}
		served <- err
	}()
	s.started("gateway", func(context.Context) error { cancel(); return <-served })
	return s.gatewayURL(), nil
}

func (s *System) gatewayURL() string { return "http://" + s.listener.Addr().String() }

// Status returns the current state of the system.
func (s *System) Status() Status {
	return Status{
		Console: s.console.status(), Gateway: s.gatewayURL(), Admin: s.secrets.Admin, Customer: s.secrets.Customer,
		Database:  DatabaseStatus{Kind: s.server.Kind, Version: s.server.Version, DSN: string(s.server.AdminURL()), Names: s.databases},
		PubSub:    PubSubStatus{Host: s.broker.Addr(), Project: Project},
		Mail:      MailStatus{URL: s.mail.URL(), SMTP: s.mail.SMTP()},
		Payments:  PaymentStatus{URL: s.paymentURL, APIKey: s.secrets.byName(paymentKey), Required: s.options.Payments},
		Functions: s.platform.Services(),
	}
}
