package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/emulators/console"
	"souk/emulators/console/messages"
	"souk/emulators/hostcheck"
	"souk/emulators/sampling"
	"souk/emulators/trace"
	"souk/functions"
	"souk/functions/order/history"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/telemetry"
	"souk/shared/trail"
)

// readTimeout bounds how long the receiver of traces reads a request.
const readTimeout = 10 * time.Second

// addresses are the host:port of the servers: of the pages, which is published on 127.0.0.1,
// and of the receiver of traces, which other containers reach.
type addresses struct{ pages, traces string }

// settings are the environment of the console, besides the URL of each service's database.
type settings struct {
	Token config.Secret `env:"CONSOLE_TOKEN,required,notEmpty"`
	// URL is the console's for browsers.
	URL string `env:"CONSOLE_URL,required,notEmpty"`
	// Gateway, MailPage and Payments are pages that the console links to.
	Gateway  string `env:"SOUK_URL"`
	MailPage string `env:"SOUK_MAIL_URL"`
	Payments string `env:"SOUK_PAYMENT_URL"`
	// MailURL is the mail server's URL for containers.
	MailURL string `env:"MAIL_URL"`
	PubSub  string `env:"PUBSUB_EMULATOR_HOST,required,notEmpty"`
	Project string `env:"GOOGLE_CLOUD_PROJECT,required,notEmpty"`
	// TraceHosts are the names by which containers reach the receiver of traces.
	TraceHosts string `env:"TRACE_HOSTS"`
}

// serve serves the console and the receiver of traces until ctx is done.
func serve(ctx context.Context, environment config.Environment, at addresses) error {
	s, err := config.Load[settings](environment)
	if err != nil {
		return err
	}
	hosts, err := hostcheck.Parse(s.TraceHosts)
	if err != nil {
		return fmt.Errorf("TRACE_HOSTS: %w", err)
	}
	databases, err := databaseURLs(environment)
	if err != nil {
		return err
	}
	log, traces := telemetry.NewLogger(os.Stderr), trace.New(trace.Options{})
	c, err := console.New(s.options(log, traces, databases))
	if err != nil {
		return err
	}
	defer c.Close()
	pages, err := listen(ctx, at.pages)
	if err != nil {
		return err
	}
	receiver, err := listen(ctx, at.traces)
	if err != nil {
		return errors.Join(err, pages.Close())
	}
	log.InfoContext(ctx, "the console is open", "link", console.EntryLink(s.URL, s.Token.Reveal()))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return console.Serve(ctx, pages, c) })
	group.Go(func() error { return receive(ctx, receiver, hosts.Handler(traceRoutes(traces, c.Watching))) })
	return group.Wait()
}

// options returns the console's. What is nil, the console does not show: containers report
// neither instances nor their logs to it.
func (s settings) options(log *slog.Logger, traces *trace.Store, databases map[string]database.URL) console.Options {
	return console.Options{
		Manifest: functions.Manifest(), Token: s.Token.Reveal(), Private: true, Logger: log,
		Links: []console.Link{
			{Title: "Gateway", URL: s.Gateway}, {Title: "API", URL: s.Gateway + "/docs"},
			{Title: "Mail", URL: s.MailPage}, {Title: "Payments", URL: s.Payments},
		},
		Traces: traces, Databases: databases, Trails: map[string]trail.Source{"order": history.Entries}, MailURL: s.MailURL, MailPage: s.MailPage,
		Messages: messages.New(messages.Options{Host: s.PubSub, Project: s.Project, Record: messages.LogRecords(log)}),
	}
}

// databaseURLs returns the URLs of the services' databases, by service.
func databaseURLs(environment config.Environment) (map[string]database.URL, error) {
	urls := map[string]database.URL{}
	for _, service := range functions.Manifest().Services() {
		variable := strings.ToUpper(service) + "_DATABASE_URL"
		if environment[variable] == "" {
			return nil, fmt.Errorf("%s is not set", variable)
		}
		urls[service] = database.URL(environment[variable])
	}
	return urls, nil
}

// traceRoutes returns the handler of what containers send and read.
func traceRoutes(traces *trace.Store, watching func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", traces)
	mux.Handle("GET "+sampling.Path, sampling.Handler(watching))
	return mux
}

// receive serves the receiver of traces until ctx is done. Spans that are lost then are not
// missed: the store is in memory.
func receive(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadTimeout: readTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("receive traces: %w", err)
	case <-ctx.Done():
	}
	err := server.Close()
	<-served
	return err
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}
