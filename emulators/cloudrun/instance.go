package cloudrun

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"souk/emulators/pool"
	"souk/emulators/transport"
)

// state is the lifecycle state of an instance. It only moves forward.
type state int

const (
	starting state = iota
	serving
	leaving
)

// instance is one process of a service.
type instance struct {
	service *service
	id      string
	cmd     *exec.Cmd
	port    *reservation
	address string
	output  *output
	// transport has the connections to this process only, so that no connection can be
	// reused for another process on the same port.
	transport *transport.Host
	pid       atomic.Int64
	allowance *allowance

	retired chan struct{} // closed when it is out of routing
	exited  chan struct{} // closed when the process has ended and its output is read
	exitErr error         // set before exited is closed

	startedAt time.Time
	// respondedAt is when it completed its last response, or began to listen, as the time
	// since startedAt.
	respondedAt atomic.Int64
	responded   atomic.Bool // it has begun a response

	// The fields below are guarded by the service's lock.
	state    state
	backend  *pool.Backend[*instance] // nil before it serves
	expected bool                     // its end is intended: it was idle, or the platform stops
}

func newInstance(s *service, number int) *instance {
	s.counters.coldStarts.Add(1)
	return &instance{
		service:   s,
		id:        strconv.Itoa(number),
		startedAt: time.Now(),
		output:    newOutput(s.platform.logs, s.function.Name, s.revision, number),
		retired:   make(chan struct{}),
		exited:    make(chan struct{}),
	}
}

// run runs an instance from its start until its process has ended.
func (i *instance) run() {
	begin := time.Now()
	if err := i.start(); err != nil {
		i.failStart(err)
		return
	}
	err := i.listen()
	if err == nil {
		err = i.startup()
	}
	if err != nil {
		i.signal(syscall.SIGKILL) // it has no requests
		<-i.exited
		i.failStart(err)
		return
	}
	if i.service.markServing(i, time.Since(begin)) {
		i.allowance.started()
		i.service.log.Debug("instance listens", "pid", i.pid.Load(), "took", time.Since(begin))
		i.service.platform.running.Go(i.watch)
		select {
		case <-i.exited:
		case <-i.retired:
		}
	}
	i.terminate()
	i.transport.CloseIdleConnections()
	i.reportExit()
}

// failStart ends an instance that never listened.
func (i *instance) failStart(err error) {
	if backoff, expected := i.service.remove(i, err); !expected {
		i.service.log.Error("instance did not start", "error", err, "lastLines", i.output.tail.read(), "nextNotBefore", backoff)
	}
	i.service.failedStart(err)
}

// reportExit logs the end of an instance that has listened.
func (i *instance) reportExit() {
	backoff, expected := i.service.remove(i, fmt.Errorf("instance died: %s", i.exit()))
	if expected {
		i.service.log.Debug("instance stopped", "pid", i.pid.Load(), "exit", i.exit())
		return
	}
	i.service.log.Warn("instance died", "pid", i.pid.Load(), "exit", i.exit(),
		"lastLines", i.output.tail.read(), "nextNotBefore", backoff)
	i.service.scaleOnDemand()
}

// terminate ends the process with SIGTERM once its requests are done or DrainTimeout is
// over, then with SIGKILL. It returns when the process has ended.
func (i *instance) terminate() {
	i.service.retire(i)
	options, kill := i.service.platform.options, i.service.platform.kill
	select {
	case <-i.exited:
		return
	case <-i.drained():
	case <-kill:
	case <-time.After(options.DrainTimeout):
	}
	i.allowance.use()
	i.signal(syscall.SIGTERM)
	select {
	case <-i.exited:
		return
	case <-kill:
	case <-time.After(options.StopGrace):
		i.service.log.Warn("instance ignores SIGTERM: kill it", "pid", i.pid.Load(), "grace", options.StopGrace)
	}
	i.signal(syscall.SIGKILL)
	<-i.exited
}

// drained returns a channel that is closed when the retired instance has no requests.
func (i *instance) drained() <-chan struct{} {
	if i.backend == nil {
		return i.retired
	}
	return i.backend.Drained()
}

func (i *instance) signal(signal os.Signal) {
	if err := i.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		i.service.log.Warn("signal an instance", "signal", signal.String(), "pid", i.pid.Load(), "error", err)
	}
}

// exit describes how the process ended: "exit status 1", "signal: killed". It must only be
// called after exited is closed.
func (i *instance) exit() string {
	if i.cmd.ProcessState == nil {
		return fmt.Sprint(i.exitErr)
	}
	return strings.TrimSpace(i.cmd.ProcessState.String())
}
