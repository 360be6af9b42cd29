// Package local runs the whole shop on one machine: it composes the emulators of
// the cloud's services around the functions, in one process that supervises all
// it started and stops it in order.
//
// Everything a system keeps is in its state directory: the private database
// server's data, undelivered messages, logins, logs and the lock that makes it
// one system at a time.
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
	"souk/emulators/hostcheck"
	"souk/emulators/mail"
	"souk/emulators/mysql"
	"souk/emulators/pubsub"
	"souk/emulators/scheduler"
	"souk/shared/database"
	"souk/shared/manifest"
)

// Project is the Google Cloud project that a local system pretends to be.
const Project = "souk-local"

// stopTimeout is how long each part may take to stop before it is cut off. It is
// longer than what Cloud Run gives a function after SIGTERM.
const stopTimeout = 12 * time.Second

// Options says what to run, and where.
type Options struct {
	Manifest *manifest.Manifest
	// StateDir is where the system keeps what it keeps. It is made if need be.
	StateDir string
	// BinDir holds one program a service, of the service's name.
	BinDir string
	// Port is the gateway's, on 127.0.0.1; 0 takes any that is free.
	Port int
	// DatabaseURL is a server to use, with an account that may create databases
	// and users. Empty: a private server is found or started.
	DatabaseURL database.URL
	// Duplicate and Shuffle make Pub/Sub deliver every message at least twice,
	// and in random order: both are what the real one may do.
	Duplicate, Shuffle bool
	// Origins are those whose scripts may use the API in a browser.
	Origins []string
	// Hosts are the names that the servers are called by besides those of this machine.
	Hosts hostcheck.Hosts
	// Report hears of the progress. It is called by one goroutine at a time.
	Report func(Progress)
	// Warnings gets what goes wrong while the system runs, a line each. nil: it
	// only goes to the log in the state directory.
	Warnings io.Writer
}

// Progress is one step of starting or stopping.
type Progress struct {
	// Part of the system, a word or two, and what it does or is now.
	Part, Text string
	// Took is how long the step took, 0 for one that is under way.
	Took time.Duration
}

// System is a running shop.
type System struct {
	options Options
	state   *state
	secrets *secrets
	log     *slog.Logger
	// functionLog gets what the functions print.
	functionLog io.Writer

	// parts are what has been started, in order; Stop goes backwards.
	parts []part

	listener  net.Listener
	issuer    *tokens
	server    *mysql.Server
	platform  *cloudrun.Platform
	broker    *pubsub.Broker
	scheduler *scheduler.Scheduler
	mail      *mail.Server

	// urls are where the services' functions find their databases, and databases
	// what those are called, by service.
	urls      map[string]database.URL
	databases map[string]string

	// wired is closed when all that the functions are configured with is known.
	wired  chan struct{}
	wiring sync.Once
	ready  atomic.Bool
	failed chan error
	stop   sync.Once
}

// part is something that runs and can be stopped.
type part struct {
	name string
	// stop ends it, cutting off what is under way when ctx ends.
	stop func(ctx context.Context) error
}

// Start starts a system. When it returns an error, nothing of it runs any more.
// ctx is for starting alone: the system runs until Stop.
func Start(ctx context.Context, options Options) (*System, error) {
	if options.Report == nil {
		options.Report = func(Progress) {}
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

func (s *System) started(name string, stop func(ctx context.Context) error) {
	s.parts = append(s.parts, part{name: name, stop: stop})
}

// step is one part of starting.
type step struct {
	name string
	do   func(context.Context) (detail string, err error)
}

// start goes through the steps in the order in which they need one another: what
// holds undelivered messages comes after who they are delivered to.
func (s *System) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for _, step := range []step{
		{"database", s.startDatabase},
		{"migrations", s.migrate},
		{"logins", s.seed},
		{"mail", s.startMail},
		{"functions", s.startFunctions},
		{"pub/sub", s.startPubSub},
		{"scheduler", s.startScheduler},
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

// prepare does what can fail at once, before anything takes time.
func (s *System) prepare(ctx context.Context) error {
	if err := s.checkPrograms(); err != nil {
		return err
	}
	var err error
	address := fmt.Sprintf("127.0.0.1:%d", s.options.Port)
	s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return advise(fmt.Errorf("port %d is in use on 127.0.0.1", s.options.Port),
			"Stop what uses it, or take another port: make up ARGS=\"--port %d\"", s.options.Port+1)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	s.started("port", func(context.Context) error { return ignoreClosed(s.listener.Close()) })
	if s.secrets, err = s.state.secrets(s.options.Manifest.Services()); err != nil {
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

// checkPrograms looks whether the services have been built.
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

// wire lets functions start.
func (s *System) wire() { s.wiring.Do(func() { close(s.wired) }) }

// Wait returns nil when ctx ends, or the reason when the system cannot go on.
func (s *System) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// fail reports that the system cannot go on. The first reason counts.
func (s *System) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Stop stops all parts in the opposite order: first the gateway, so that no new
// requests come; then what makes the functions work; the functions; and the
// database last. Data stays. When ctx ends, what is under way is cut off. Its
// error tells what was.
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
