// Package cloudrun is Cloud Run on one machine. Every function is a service with
// a URL of its own, in front of instances: processes of the service's real
// binary, configured through the environment as Cloud Run configures them
// (https://cloud.google.com/run/docs/container-contract).
//
// An instance is started by the first request, which waits until it listens; it
// is replaced when it dies, and stopped when nobody needs it: out of routing
// first, then SIGTERM, then SIGKILL.
package cloudrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"souk/emulators/hostcheck"
	"souk/shared/manifest"
)

// Options says what to run and how. Zero durations take the defaults named.
type Options struct {
	Manifest *manifest.Manifest
	// BinDir holds one binary a service, of the service's name.
	BinDir string
	// Env returns the environment of an instance of a function, as "NAME=value".
	// It is asked whenever an instance starts, never before Start has returned to
	// a caller that keeps the URLs to itself until then. The variables of Cloud
	// Run's contract win over it. Of our own environment an instance only gets
	// PATH, HOME and TMPDIR.
	Env func(manifest.Function) []string
	// Logs gets what the instances print, as JSON, one line a call. It must not
	// block for long: an instance waits for its log. nil drops the lines.
	Logs io.Writer
	// Hosts are the names that requests may be for besides those of this machine: a
	// function's URL gets the host of the front door's client.
	Hosts hostcheck.Hosts
	// Logger is for what the platform itself has to say. nil says nothing.
	Logger *slog.Logger

	// StartTimeout is how long an instance may take until it listens: 10 s.
	StartTimeout time.Duration
	// IdleTimeout is how long an instance is kept without a request: 15 min, as
	// on Cloud Run.
	IdleTimeout time.Duration
	// DrainTimeout is how long an instance out of routing may take to finish its
	// requests before SIGTERM: 10 s.
	DrainTimeout time.Duration
	// StopGrace is the time from SIGTERM to SIGKILL: 10 s, as on Cloud Run.
	StopGrace time.Duration
	// Liveness says when an instance that does not respond is replaced.
	Liveness Liveness
}

func (o Options) withDefaults() Options {
	o.StartTimeout = cmp.Or(o.StartTimeout, 10*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 15*time.Minute)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 10*time.Second)
	o.StopGrace = cmp.Or(o.StopGrace, 10*time.Second)
	o.Liveness = o.Liveness.withDefaults()
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Env == nil {
		o.Env = func(manifest.Function) []string { return nil }
	}
	return o
}

// Status is a function as it runs now.
type Status struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// PIDs are the processes of its instances: starting, serving or leaving.
	PIDs []int `json:"pids"`
}

// Platform runs the functions of a list.
type Platform struct {
	options  Options
	log      *slog.Logger
	logs     *sink
	forks    *forker
	services []*service
	byName   map[string]*service

	// kill is closed when Stop has no more time: instances are killed at once.
	kill chan struct{}
	// running counts the goroutines of services and instances.
	running  sync.WaitGroup
	stopping sync.Once
	stopErr  error
}

// Start opens the URL of every function. Processes only start with requests. ctx
// is for starting alone: the platform runs until Stop.
func Start(ctx context.Context, options Options) (*Platform, error) {
	options = options.withDefaults()
	if err := checkBinaries(options); err != nil {
		return nil, err
	}
	p := &Platform{
		options: options,
		log:     options.Logger,
		logs:    &sink{to: options.Logs, log: options.Logger},
		forks:   newForker(),
		byName:  map[string]*service{},
		kill:    make(chan struct{}),
	}
	for _, function := range options.Manifest.Functions {
		s, err := p.newService(ctx, function)
		if err != nil {
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			return nil, errors.Join(err, p.Stop(stopped))
		}
		p.services = append(p.services, s)
		p.byName[function.Name] = s
	}
	return p, nil
}

// checkBinaries names every binary that is missing, at the start instead of at
// some request.
func checkBinaries(options Options) error {
	var faults []error
	for _, name := range options.Manifest.Services() {
		file := filepath.Join(options.BinDir, name)
		info, err := os.Stat(file)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("binary of service %s: %w", name, err))
		case info.IsDir() || info.Mode()&0o111 == 0:
			faults = append(faults, fmt.Errorf("binary of service %s: %s is not executable", name, file))
		}
	}
	return errors.Join(faults...)
}

// URL returns the URL of a function, "" for a function that is not in the list.
// It stays the same until Stop.
func (p *Platform) URL(function string) string {
	if s, known := p.byName[function]; known {
		return s.url
	}
	return ""
}

// Services returns all functions, in the order of the list.
func (p *Platform) Services() []Status {
	all := make([]Status, 0, len(p.services))
	for _, s := range p.services {
		all = append(all, Status{Name: s.function.Name, URL: s.url, PIDs: s.pids()})
	}
	return all
}

// Stop closes the URLs, lets requests finish, and stops the instances: it takes
// DrainTimeout and StopGrace at most. When ctx ends before, the instances are
// killed; Stop waits for their end in any case. Its error tells that requests
// were cut off. A second call waits for the first and returns the same.
func (p *Platform) Stop(ctx context.Context) error {
	p.stopping.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Platform) stop(ctx context.Context) error {
	inTime := context.AfterFunc(ctx, func() { close(p.kill) })
	defer inTime()
	errs := make([]error, len(p.services))
	var services sync.WaitGroup
	for i, s := range p.services {
		services.Go(func() { errs[i] = s.stop(ctx) })
	}
	services.Wait()
	p.running.Wait()
	p.forks.close()
	return errors.Join(errs...)
}

// stop ends one service: no new requests, then no requests, then no instances.
func (s *service) stop(ctx context.Context) error {
	drain, cancel := context.WithTimeout(ctx, s.platform.options.DrainTimeout)
	defer cancel()
	// The listener goes first, for good: a client whose idle connection we close
	// then finds nobody there, instead of a backlog that nobody will ever read.
	closed := s.listener.Close()
	<-s.served
	cut := s.server.Shutdown(drain)
	s.close()
	if cut != nil {
		cut = errors.Join(fmt.Errorf("stop %s: requests were cut off: %w", s.function.Name, cut), s.server.Close())
	}
	return errors.Join(closed, cut)
}
