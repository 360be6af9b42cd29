//go:build !container

// Package local runs the complete shop on one machine: it connects the functions with
// emulators of the cloud's services, in one process that supervises all parts and stops them
// in order.
//
// All persistent files are in the state directory: the private database server's data,
// undelivered messages, logins, logs and the lock that allows one system at a time.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"souk/emulators/cloudrun"
	"souk/emulators/mail"
	"souk/emulators/mysql"
	"souk/emulators/pubsub"
	"souk/emulators/scheduler"
	"souk/shared/database"
	"souk/shared/profile"
)

// stopTimeout is how long each part may take to stop before it is aborted. It is longer than
// the time between SIGTERM and SIGKILL on Cloud Run.
const stopTimeout = 12 * time.Second

// System is a running shop.
type System struct {
	options Options
	state   *state
	secrets *secrets
	log     *slog.Logger
	// functionLog receives the output of the functions.
	functionLog io.Writer

	// parts are the started parts in order; Stop stops them in reverse.
	parts []part

	listener net.Listener
	issuer   *tokens
	server   *mysql.Server
	platform *cloudrun.Platform
	broker   *pubsub.Broker
	// restarted is the broker after an experiment has restarted it.
	restarted atomic.Pointer[pubsub.Broker]
	scheduler *scheduler.Scheduler
	mail      *mail.Server
	console   *consoleServer
	traces    traces

	// paymentURL is the URL of the payment provider.
	paymentURL string
	// urls and databases are the URLs and the names of the databases, by service.
	urls      map[string]database.URL
	databases map[string]string

	// wired is closed when the configuration of the functions is complete.
	wired  chan struct{}
	wiring sync.Once
	ready  atomic.Bool
	failed chan error
	stop   sync.Once
}

// part is a started part of the system.
type part struct {
	name string
	// stop stops the part. It aborts running requests when ctx is done.
	stop func(ctx context.Context) error
}

// Start starts a system, which runs until Stop. If it returns an error, all parts have been
// stopped. ctx applies to the start only.
func Start(ctx context.Context, options Options) (*System, error) {
	if options.Report == nil {
		options.Report = func(Progress) {}
	}
	var err error
	if options.Manifest, err = options.Scaling.apply(options.Manifest); err != nil {
		return nil, err
	}
	state, err := openState(options.StateDir)
	if err != nil {
		return nil, explain(err, options.StateDir)
	}
	s := &System{options: options, state: state, wired: make(chan struct{}), failed: make(chan error, 1)}
	s.started("lock", func(context.Context) error { return state.release() })
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, errors.Join(explain(err, state.path), s.Stop(context.WithoutCancel(ctx)))
	}
	s.ready.Store(true)
	return s, nil
}

// started registers a part for Stop.
func (s *System) started(name string, stop func(ctx context.Context) error) {
	s.parts = append(s.parts, part{name: name, stop: stop})
}

// step is one step of Start.
type step struct {
	name string
	do   func(context.Context) (detail string, err error)
}

// start starts the parts in the order of their dependencies: the broker, which may have
// undelivered messages, comes after the functions.
func (s *System) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for _, step := range []step{
		{"database", s.startDatabase},
		{"migrations", s.migrate},
		{"logins", s.seed},
		{"mail", s.startMail},
		{"payments", s.startPayments},
		{"traces", s.startTraces},
		{"functions", s.startFunctions},
		{"pub/sub", s.startPubSub},
		{"scheduler", s.startScheduler},
		{"console", s.startConsole},
		{"gateway", s.startGateway},
	} {
		begin := time.Now()
		detail, err := step.do(ctx)
		if err != nil {
			return err
		}
		s.options.Report(Progress{Part: step.name, Text: detail, Took: time.Since(begin)})
	}
	return nil
}

// prepare runs the fast steps that may fail, before any slow one.
func (s *System) prepare(ctx context.Context) error {
	if err := s.checkPrograms(); err != nil {
		return err
	}
	stopProfile, err := profile.Start(os.Getenv(profile.Variable), "souk")
	if err != nil {
		return err
	}
	s.started("profile", func(context.Context) error { return stopProfile() })
	address := fmt.Sprintf("127.0.0.1:%d", s.options.Port)
	s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return advise(fmt.Errorf("port %d is in use on 127.0.0.1", s.options.Port),
			"Stop the program that uses it, or choose another port: make up ARGS=\"--port %d\"", s.options.Port+1)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	s.started("port", func(context.Context) error { return ignoreClosed(s.listener.Close()) })
	if s.secrets, err = s.state.secrets(loginNames(s.options.Manifest), secretNames(s.options.Manifest)); err != nil {
		return err
	}
	if err := s.openLogs(); err != nil {
		return err
	}
	control, err := startControl(ctx, s.state, s.controlHandler(), s.log)
	if control != nil {
		s.started("control", control.stop)
	}
	return err
}

// checkPrograms checks that the services have been built.
func (s *System) checkPrograms() error {
	for _, service := range s.options.Manifest.Services() {
		path := filepath.Join(s.options.BinDir, service)
		if _, err := os.Stat(path); err != nil {
			return advise(fmt.Errorf("the program of service %s is missing: %w", service, err),
				"Build it with: make build")
		}
	}
	return nil
}

// wire allows functions to start.
func (s *System) wire() { s.wiring.Do(func() { close(s.wired) }) }

// Wait waits until ctx is done and returns nil, or until a part fails and returns its error.
func (s *System) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// fail makes Wait return err. Only the first error is reported.
func (s *System) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Stop stops all parts in reverse order: first the gateway, so that no new requests arrive;
// then the triggers of the functions; the functions; and the database last. Data stays. When
// ctx is done, running requests are aborted, which the error reports.
func (s *System) Stop(ctx context.Context) error {
	var errs []error
	s.stop.Do(func() {
		s.ready.Store(false)
		s.wire()
		for _, part := range slices.Backward(s.parts) {
			begin := time.Now()
			err := part.within(ctx)
			if err != nil {
				errs = append(errs, fmt.Errorf("stop the %s: %w", part.name, err))
			}
			if took := time.Since(begin); took > 50*time.Millisecond {
				s.options.Report(Progress{Part: part.name, Text: "stopped", Took: took})
			}
		}
	})
	return errors.Join(errs...)
}

func (p part) within(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return p.stop(ctx)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
