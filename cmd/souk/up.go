//go:build !container

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/gateway"
	"souk/emulators/local"
	"souk/functions"
	"souk/shared/database"
)

// upFlags are the flags of souk up.
type upFlags struct {
	port               int
	databaseURL        string
	allowedHosts       string
	detach, traces     bool
	duplicate, shuffle bool
	payments           string
	scaling            string
	coldStart          time.Duration
	unlimited          bool
}

func (p *program) upCommand() *cobra.Command {
	var flags upFlags
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the whole system; Ctrl-C stops it",
		Long: `Start the whole system: a database server, Pub/Sub, every function and the
gateway in front of them. Without --database-url it uses DATABASE_URL, or the
MySQL or MariaDB server program of this machine, or Docker, or installs one.

CORS_ORIGINS lists the origins whose pages may call the API in a browser, such
as http://localhost:3000, or * for all. The default is none.

Payments are made at a provider that moves no money, which runs in this process.
PAYMENT_PROVIDER_URL names another one, such as a "souk payment" that is restarted by
itself; PAYMENT_API_KEY and PAYMENT_WEBHOOK_SECRET have its secrets.

Servers accept only the host names 127.0.0.1 and localhost, so that web pages cannot
read them. --allowed-hosts adds names.

Functions scale by functions.yaml and Cloud Run's times. --scaling FILE overrides them:

  function: {http: {maxInstances: 4}, push: {concurrency: 20}}
  functions: {order-place: {minInstances: 1, cpu: 500m, concurrency: 1}}
  windows: {cpu: 10s, concurrency: 10s, idle: 30s, tick: 1s}

Ctrl-C stops everything that this command started. Data is not deleted.`,
		Example: `  souk up
  souk up --port 8081 --state-dir .souk-2    a second one, beside the first
  souk up --pubsub-duplicate --pubsub-shuffle`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			flags.payments = cmp.Or(flags.payments, p.getenv(paymentsVariable), paymentsOn)
			if err := p.checkUp(flags); err != nil {
				return err
			}
			if flags.detach {
				return p.detach(command.Context())
			}
			return p.up(command.Context(), flags)
		},
	}
	p.stateDirFlag(command)
	addUpFlags(command, &flags)
	return command
}

// addUpFlags adds the flags of `souk up` but --state-dir.
func addUpFlags(command *cobra.Command, flags *upFlags) {
	command.Flags().IntVar(&flags.port, "port", 8080, "port of the gateway on 127.0.0.1; 0 chooses a free one")
	command.Flags().StringVar(&flags.databaseURL, "database-url", "", "database server to use: mysql://user:password@host:3306/ (default $DATABASE_URL)")
	allowedHostsFlag(command, &flags.allowedHosts)
	command.Flags().BoolVar(&flags.detach, "detach", false, "run in the background; souk down stops it")
	command.Flags().BoolVar(&flags.traces, "traces", false, "record all traces, not only while a page of the console is open")
	command.Flags().StringVar(&flags.payments, "payments", "", "whether new orders must be paid, at a provider that moves no money: on or off (default $PAYMENTS, or on)")
	command.Flags().BoolVar(&flags.duplicate, "pubsub-duplicate", false, "deliver every message at least twice")
	command.Flags().BoolVar(&flags.shuffle, "pubsub-shuffle", false, "deliver messages in random order")
	scalingFlags(command, flags)
}

// checkUp returns a usage error for flags whose values cannot work.
func (p *program) checkUp(flags upFlags) error {
	if flags.port < 0 || flags.port > 65535 {
		return p.usageError("--port must be 0 to 65535, got %d", flags.port)
	}
	if flags.payments != paymentsOn && flags.payments != paymentsOff {
		return p.usageError("--payments must be %s or %s, got %q", paymentsOn, paymentsOff, flags.payments)
	}
	if flags.coldStart < 0 || flags.coldStart > maxColdStart {
		return p.usageError("--cold-start must be 0 to %s, got %s", maxColdStart, flags.coldStart)
	}
	return nil
}

// maxColdStart is the longest --cold-start: Cloud Run's default time for a start.
const maxColdStart = 4 * time.Minute

// scalingFlags adds the flags for how functions run.
func scalingFlags(command *cobra.Command, flags *upFlags) {
	command.Flags().StringVar(&flags.scaling, "scaling", "", "YAML file with the scaling of functions and the times of autoscaling")
	command.Flags().BoolVar(&flags.unlimited, "unlimited", false, "do not limit the CPU and the memory of functions")
	command.Flags().DurationVar(&flags.coldStart, "cold-start", 0, "time that each start of an instance takes longer, as in the cloud: 300ms")
}

func (p *program) up(ctx context.Context, flags upFlags) error {
	if p.getenv("K_SERVICE") != "" {
		return errors.New("K_SERVICE is set, so this is Cloud Run: souk up emulates the cloud, and does not run in it")
	}
	begin, ready := time.Now(), p.readyPipe()
	if ready != nil {
		if err := p.logToFile(); err != nil {
			return err
		}
	}
	options, err := p.options(flags)
	if err != nil {
		return err
	}
	forced, release := p.secondSignal(ctx)
	defer release()
	system, err := local.Start(ctx, options)
	if err != nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			p.say("stopped before it was ready")
			return exitCode(exitFailed)
		}
		return err
	}
	if ready == nil {
		p.summary(system.Status(), time.Since(begin))
	} else {
		// This process writes to a log, which must not have logins: the parent process
		// prints them.
		p.notifyReady(ready)
	}
	failure := system.Wait(ctx)
	if failure == nil {
		p.say("\nstopping; once more Ctrl-C does so at once")
	}
	err = errors.Join(failure, system.Stop(forced))
	if err == nil {
		p.say("stopped. The data is in %s, and there next time.", p.stateDir)
	}
	return err
}

func (p *program) options(flags upFlags) (local.Options, error) {
	executable, err := os.Executable()
	if err != nil {
		return local.Options{}, fmt.Errorf("find the folder of this program: %w", err)
	}
	url := flags.databaseURL
	if url == "" {
		url = p.getenv("DATABASE_URL")
	}
	origins, err := gateway.ParseOrigins(p.getenv("CORS_ORIGINS"))
	if err != nil {
		return local.Options{}, fmt.Errorf("CORS_ORIGINS: %w", err)
	}
	hosts, err := p.allowedHosts(flags.allowedHosts)
	if err != nil {
		return local.Options{}, err
	}
	scaling, err := local.ReadScaling(flags.scaling)
	if err != nil {
		return local.Options{}, err
	}
	provider, err := p.paymentProvider()
	if err != nil {
		return local.Options{}, err
	}
	return local.Options{
		PaymentProvider: provider,

		Scaling:     scaling,
		ColdStart:   flags.coldStart,
		Unlimited:   flags.unlimited,
		Origins:     origins,
		Hosts:       hosts,
		Manifest:    functions.Manifest(),
		StateDir:    p.stateDir,
		BinDir:      filepath.Dir(executable),
		Port:        flags.port,
		DatabaseURL: database.URL(url),
		Lab:         consoleLab(executable),
		Payments:    flags.payments == paymentsOn,
		Duplicate:   flags.duplicate,
		Shuffle:     flags.shuffle,
		Traces:      flags.traces,
		Report:      p.progress,
		Warnings:    p.stderr,
	}, nil
}

// paymentProvider returns the payment provider that the environment names, if any.
func (p *program) paymentProvider() (local.PaymentProvider, error) {
	provider := local.PaymentProvider{
		URL: p.getenv(providerURLVariable), APIKey: p.getenv(paymentKeyVariable), WebhookSecret: p.getenv(paymentSecretVariable),
	}
	if provider.URL != "" && (provider.APIKey == "" || provider.WebhookSecret == "") {
		return provider, p.usageError("%s is set: set %s and %s, too", providerURLVariable, paymentKeyVariable, paymentSecretVariable)
	}
	return provider, nil
}

// progress prints a step when it begins, and again with its duration when it is done.
func (p *program) progress(step local.Progress) {
	if step.Took == 0 {
		p.say("  %s %-10s %s", p.dim("…"), step.Part, p.dim(step.Text))
		return
	}
	p.say("  %s %-10s %s %s", p.green("✓"), step.Part, step.Text, p.dim(fmt.Sprintf("(%.1f s)", step.Took.Seconds())))
}

// secondSignal returns a context that ends with the second signal to stop: the
// first asks, the second insists.
func (p *program) secondSignal(first context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(first))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for range 2 {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
		}
		p.say("stopping at once")
		cancel()
	})
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		waiting.Wait()
	}
}
