// Package cloudrun is a local Cloud Run. Every function is a service with its own URL, in
// front of instances: processes of the service's real binary, configured through the
// environment as on Cloud Run (https://cloud.google.com/run/docs/container-contract).
//
// The first request starts an instance and waits until it listens. More instances are started
// and idle ones are stopped as on Cloud Run (package autoscaler); requests go to the one with
// the fewest (package pool). An instance is replaced when it dies or does not respond. To be
// stopped, it is removed from routing first, then receives SIGTERM, then SIGKILL.
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

	"souk/emulators/cloudrun/autoscaler"
	"souk/emulators/cloudrun/cgroup"
	"souk/emulators/hostcheck"
	"souk/emulators/pool"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// Windows are the times of autoscaling.
type Windows = autoscaler.Windows

// Options configures a platform. Zero durations have the given defaults.
type Options struct {
	Manifest *manifest.Manifest
	// BinDir has one binary for each service, with the service's name.
	BinDir string
	// Env returns the environment of an instance of a function, as "NAME=value". It is
	// called on every start of an instance, which for minimum instances may be before Start
	// has returned. The variables of Cloud Run's contract
	// take precedence. Of this process's environment an instance only inherits PATH, HOME
	// and TMPDIR.
	Env func(manifest.Function) []string
	// Logs receives the output of the instances as JSON, one line per call. It must not
	// block for long, because an instance waits for it. Nil drops the lines.
	Logs io.Writer
	// Hosts are allowed host names in addition to those of this machine: requests to a
	// function have the Host header of the gateway's client.
	Hosts hostcheck.Hosts
	// Tracer records the waits of requests of sampled traces; nil records none.
	Tracer *telemetry.Tracer
	// Logger receives the logs of the platform itself. Nil discards them.
	Logger *slog.Logger

	// StartTimeout is the time in which an instance must listen: 10 s.
	StartTimeout time.Duration
	// ColdStart is added to the start of an instance: what the cloud takes to fetch the image
	// and to create a sandbox.
	ColdStart time.Duration
	// Windows are the times of autoscaling. Its defaults are those of Cloud Run.
	Windows Windows
	// Policy selects one of several instances with room: least requests.
	Policy pool.Policy
	// Pending is how long a request may wait for an instance: 10 s, as on Cloud Run, where
	// it is 3.5 times the average start of an instance if that is longer.
	Pending time.Duration
	// Cgroups enforces the limits of CPU and memory. Nil: they are not enforced.
	Cgroups *cgroup.Manager
	// Queue is the number of requests of a function that may wait for an instance: 1,000.
	Queue int
	// DrainTimeout is the time in which an instance out of routing may finish its requests
	// before SIGTERM: 10 s.
	DrainTimeout time.Duration
	// StopGrace is the time from SIGTERM to SIGKILL: 10 s, as on Cloud Run.
	StopGrace time.Duration
	// Startup configures when a starting instance gets requests.
	Startup Startup
	// Liveness configures the replacement of unresponsive instances.
	Liveness Liveness
}

func (o Options) withDefaults() Options {
	o.StartTimeout = cmp.Or(o.StartTimeout, 10*time.Second)
	o.Windows = o.Windows.WithDefaults()
	o.Pending = cmp.Or(o.Pending, pool.MaxWait)
	o.Queue = cmp.Or(o.Queue, pool.MaxQueue)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 10*time.Second)
	o.StopGrace = cmp.Or(o.StopGrace, 10*time.Second)
	o.Startup = o.Startup.withDefaults()
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

// Platform runs the functions of a manifest.
type Platform struct {
	options  Options
	log      *slog.Logger
	logs     *sink
	forks    *forker
	services []*service
	byName   map[string]*service

	// stopped is closed when Stop begins: no instance is started by autoscaling any more.
	stopped chan struct{}
	// kill is closed when the context of Stop is done: instances are killed at once.
	kill chan struct{}
	// running counts the goroutines of services and instances.
	running  sync.WaitGroup
	stopping sync.Once
	stopErr  error
}

// Start opens the URL of every function. Processes start with requests, apart from minimum
// instances. ctx applies to
// the start only: the platform runs until Stop.
func Start(ctx context.Context, options Options) (*Platform, error) {
	options = options.withDefaults()
	if err := errors.Join(options.Windows.Check(), checkBinaries(options)); err != nil {
		return nil, err
	}
	p := &Platform{
		options: options,
		log:     options.Logger,
		logs:    &sink{to: options.Logs, log: options.Logger},
		forks:   newForker(),
		byName:  map[string]*service{},
		stopped: make(chan struct{}),
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
	p.running.Go(p.autoscale)
	return p, nil
}

// checkBinaries returns an error that names every missing binary, so that it is found at
// the start and not at a request.
func checkBinaries(options Options) error {
	var errs []error
	for _, name := range options.Manifest.Services() {
		file := filepath.Join(options.BinDir, name)
		info, err := os.Stat(file)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("binary of service %s: %w", name, err))
		case info.IsDir() || info.Mode()&0o111 == 0:
			errs = append(errs, fmt.Errorf("binary of service %s: %s is not executable", name, file))
		}
	}
	return errors.Join(errs...)
}

// URL returns the URL of a function, "" for an unknown one. It stays the same until Stop.
func (p *Platform) URL(function string) string {
	if s, known := p.byName[function]; known {
		return s.url
	}
	return ""
}

// Stop closes the URLs, waits for requests, and stops the instances: it takes DrainTimeout
// plus StopGrace at most. If ctx is done before, the instances are killed; Stop waits for
// their end in any case. It returns an error if requests were aborted. A second call waits
// for the first and returns the same.
func (p *Platform) Stop(ctx context.Context) error {
	p.stopping.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Platform) stop(ctx context.Context) error {
	close(p.stopped)
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

// stop stops one service: first new requests, then running requests, then instances.
func (s *service) stop(ctx context.Context) error {
	drain, cancel := context.WithTimeout(ctx, s.platform.options.DrainTimeout)
	defer cancel()
	// The listener is closed first: a client whose idle connection is closed then gets a
	// refused connection instead of waiting in a backlog that is never read.
	closed := s.listener.Close()
	<-s.served
	cut := s.server.Shutdown(drain)
	s.close()
	if cut != nil {
		cut = errors.Join(fmt.Errorf("stop %s: requests were aborted: %w", s.function.Name, cut), s.server.Close())
	}
	return errors.Join(closed, cut)
}
