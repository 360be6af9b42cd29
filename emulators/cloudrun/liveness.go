package cloudrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"souk/shared/health"
	"souk/shared/manifest"
)

// Liveness configures the probes that find an unresponsive instance
// (https://cloud.google.com/run/docs/configuring/healthchecks#liveness-probes). The defaults
// for zero fields are the values in terraform/cloud_run.tf.
type Liveness struct {
	// Period is how long after its last response an instance is probed, and the time
	// between two probes: 30 s.
	Period time.Duration
	// Timeout is the time in which it must respond: 5 s.
	Timeout time.Duration
	// Failures is the number of consecutive failures after which it is replaced: 3.
	Failures int
}

func (l Liveness) withDefaults() Liveness {
	l.Period = cmp.Or(l.Period, 30*time.Second)
	l.Timeout = cmp.Or(l.Timeout, 5*time.Second)
	l.Failures = cmp.Or(l.Failures, 3)
	return l
}

// Startup says how a starting instance is probed, which gets no request before it
// responds (https://cloud.google.com/run/docs/configuring/healthchecks#startup-probes).
// Zero fields take the values that terraform/cloud_run.tf gives the cloud. A function without
// a database has started when it listens.
type Startup struct {
	// Period is the time between two probes: 1 s.
	Period time.Duration
	// Timeout is how long it may take to respond: 1 s.
	Timeout time.Duration
	// Failures in a row end the instance: 20.
	Failures int
}

func (s Startup) withDefaults() Startup {
	s.Period = cmp.Or(s.Period, time.Second)
	s.Timeout = cmp.Or(s.Timeout, time.Second)
	s.Failures = cmp.Or(s.Failures, 20)
	return s
}

// startup returns when a listening instance responds to its startup probe, or why it
// never will.
func (i *instance) startup() error {
	if i.service.function.Database == manifest.NoDatabase {
		return nil
	}
	probe := i.service.platform.options.Startup
	due := time.NewTicker(probe.Period)
	defer due.Stop()
	for failures := 1; ; failures++ {
		err := i.probe(health.StartupPath, probe.Timeout)
		if err == nil {
			return nil
		}
		if failures >= probe.Failures {
			return fmt.Errorf("its startup probe failed %d times: %w", failures, err)
		}
		select {
		case <-due.C:
		case <-i.exited:
			return fmt.Errorf("it ended before it had started: %s", i.exit())
		case <-i.retired:
			return errStopped
		}
	}
}

// watch probes an instance while it serves, and kills it if it does not respond. A response
// to a request counts like one to a probe, so that a busy instance is not probed.
func (i *instance) watch() {
	probe := i.service.platform.options.Liveness
	due := time.NewTimer(probe.Period)
	defer due.Stop()
	for failures := 0; failures < probe.Failures; {
		select {
		case <-i.exited:
			return
		case <-i.retired:
			return
		case <-due.C:
		}
		begin := time.Now()
		if silent := i.sinceResponse(); silent < probe.Period {
			failures = 0
			due.Reset(probe.Period - silent)
			continue
		}
		if err := i.probe(health.Path, probe.Timeout); err != nil {
			failures++
			i.service.log.Warn("liveness probe failed", "pid", i.pid.Load(), "failures", failures, "error", err)
		} else {
			failures = 0
		}
		due.Reset(probe.Period - time.Since(begin))
	}
	// As on Cloud Run, its requests end with 503.
	i.service.log.Warn("instance does not respond: kill it", "pid", i.pid.Load())
	i.service.retire(i)
	i.signal(syscall.SIGKILL)
}

// probe sends a health check to the instance's process.
func (i *instance) probe(path string, timeout time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.address+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("probe %s: %w", i.service.function.Name, err)
	}
	i.allowance.use()
	defer i.allowance.done()
	response, err := i.transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("probe %s: %w", i.service.function.Name, err)
	}
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("probe %s: %s", i.service.function.Name, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// sinceResponse returns the time since the instance last completed a response.
func (i *instance) sinceResponse() time.Duration {
	return time.Since(i.startedAt) - time.Duration(i.respondedAt.Load())
}

// markResponse records a response, of which it reports whether it is the first.
func (i *instance) markResponse() (first bool) {
	i.respondedAt.Store(int64(time.Since(i.startedAt)))
	return !i.responded.Load() && !i.responded.Swap(true)
}
