package cloudrun

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// state is where an instance is in its life. It only moves forward.
type state int

const (
	starting state = iota
	serving
	leaving
)

// instance is one process of a service.
type instance struct {
	service *service
	cmd     *exec.Cmd
	port    *reservation
	address string
	output  *output
	// transport holds the connections to this process and dies with it: none can
	// be left over to another process on the same port.
	transport *http.Transport
	pid       atomic.Int64

	settled chan struct{} // closed when it listens or never will
	retired chan struct{} // closed when it is out of routing
	drained chan struct{} // closed when it is out of routing and without requests
	exited  chan struct{} // closed when the process is gone and its output read

	// startErr is set before settled is closed, exitErr before exited is.
	startErr, exitErr error

	// The service's lock guards these.
	state     state
	inFlight  int
	idleSince time.Time
	// respondedAt is when it completed its last response, or began to listen.
	respondedAt time.Time
	answered    bool // it was of use: it began an answer
	expected    bool // its end is our wish: it was idle, or the platform stops
}

func newInstance(s *service, number int) *instance {
	return &instance{
		service: s,
		output:  newOutput(s.platform.logs, s.function.Name, s.revision, number),
		settled: make(chan struct{}),
		retired: make(chan struct{}),
		drained: make(chan struct{}),
		exited:  make(chan struct{}),
	}
}

// run is the life of an instance, from its start until its process is gone.
func (i *instance) run() {
	begin := time.Now()
	if err := i.start(); err != nil {
		i.fail(err)
		return
	}
	if err := i.listen(); err != nil {
		i.signal(syscall.SIGKILL) // It has no request: nothing is lost.
		<-i.exited
		i.fail(err)
		return
	}
	if i.service.listens(i) {
		i.service.log.Debug("instance listens", "pid", i.pid.Load(), "took", time.Since(begin))
		close(i.settled)
		i.service.platform.running.Go(i.watch)
		i.serve()
	} else {
		i.startErr = errStopped
		close(i.settled)
	}
	i.terminate()
	i.transport.CloseIdleConnections()
	i.bury()
}

// fail ends an instance that never listened.
func (i *instance) fail(err error) {
	if backoff, expected := i.service.gone(i, err); !expected {
		i.service.log.Error("instance did not start", "error", err, "lastLines", i.output.tail(), "nextNotBefore", backoff)
	}
	i.startErr = err
	close(i.settled)
}

// bury ends an instance that has listened.
func (i *instance) bury() {
	backoff, expected := i.service.gone(i, fmt.Errorf("instance died: %s", i.exit()))
	if expected {
		i.service.log.Debug("instance left", "pid", i.pid.Load(), "exit", i.exit())
		return
	}
	i.service.log.Warn("instance died", "pid", i.pid.Load(), "exit", i.exit(),
		"lastLines", i.output.tail(), "nextNotBefore", backoff)
}

// serve returns when the instance has to go: idle for too long, retired, or dead.
func (i *instance) serve() {
	idle := time.NewTimer(i.service.platform.options.IdleTimeout)
	defer idle.Stop()
	for {
		select {
		case <-i.exited:
			return
		case <-i.retired:
			return
		case <-idle.C:
			left := i.service.retireIdle(i)
			if left == 0 {
				return
			}
			idle.Reset(left)
		}
	}
}

// terminate ends the process: once its requests are done, or their time is up,
// SIGTERM, then SIGKILL. It returns when the process is gone.
func (i *instance) terminate() {
	i.service.retire(i)
	options, kill := i.service.platform.options, i.service.platform.kill
	select {
	case <-i.exited:
		return
	case <-i.drained:
	case <-kill:
	case <-time.After(options.DrainTimeout):
	}
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

func (i *instance) signal(signal os.Signal) {
	if err := i.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		i.service.log.Warn("signal an instance", "signal", signal.String(), "pid", i.pid.Load(), "error", err)
	}
}

// exit tells how the process ended: "exit status 1", "signal: killed". Only after
// exited is closed.
func (i *instance) exit() string {
	if i.cmd.ProcessState == nil {
		return fmt.Sprint(i.exitErr)
	}
	return strings.TrimSpace(i.cmd.ProcessState.String())
}
