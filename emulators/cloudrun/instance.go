package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

const (
	// probePeriod is how often a starting instance is asked whether it listens. A
	// refused connection on the loopback costs some 20 µs.
	probePeriod = time.Millisecond
	// idleConnections are kept to an instance: as many as Cloud Run's default of
	// requests at once (80), with room for bursts.
	idleConnections = 256
	// outputDelay is how long the output of an ended process may be held open by
	// a child of its own.
	outputDelay = time.Second
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
	answered  bool // it was of use: it began an answer
	expected  bool // its end is our wish: it was idle, or the platform stops
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

// start reserves a port and forks the process.
func (i *instance) start() error {
	port, err := reservePort()
	if err != nil {
		return fmt.Errorf("find a port for %s: %w", i.service.function.Name, err)
	}
	i.port = port
	i.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port.number))
	i.transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost: idleConnections,
		DisableCompression:  true,
	}
	options := i.service.platform.options
	i.cmd = exec.Command(filepath.Join(options.BinDir, i.service.function.Service))
	i.cmd.Env = i.environment()
	i.cmd.Stdout, i.cmd.Stderr = &i.output.stdout, &i.output.stderr
	i.cmd.WaitDelay = outputDelay
	i.cmd.SysProcAttr = processAttributes()
	if err := i.service.platform.forks.start(i.cmd); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", i.service.function.Name, err), port.release())
	}
	i.pid.Store(int64(i.cmd.Process.Pid))
	i.service.platform.running.Go(i.wait)
	return nil
}

// environment is Cloud Run's contract with a function:
// https://cloud.google.com/run/docs/container-contract#env-vars
func (i *instance) environment() []string {
	s := i.service
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	env = append(env, s.platform.options.Env(s.function)...)
	return append(env,
		"FUNCTION_TARGET="+s.function.Name,
		"PORT="+strconv.Itoa(i.port.number),
		"K_SERVICE="+s.function.Name,
		"K_REVISION="+s.revision,
		"K_CONFIGURATION="+s.function.Name,
	)
}

func (i *instance) wait() {
	i.exitErr = i.cmd.Wait()
	i.output.flush()
	if err := i.port.release(); err != nil {
		i.service.log.Warn("release a port", "port", i.port.number, "error", err)
	}
	close(i.exited)
}

// listen returns when the process takes connections, or tells why it never will.
func (i *instance) listen() error {
	timeout := i.service.platform.options.StartTimeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	probe := time.NewTicker(probePeriod)
	defer probe.Stop()
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(ctx, "tcp", i.address); err == nil {
			return conn.Close()
		}
		select {
		case <-probe.C:
		case <-i.exited:
			return fmt.Errorf("%s ended before it listened on PORT=%d: %s", i.cmd.Path, i.port.number, i.exit())
		case <-i.retired:
			return errStopped
		case <-ctx.Done():
			return fmt.Errorf("%s did not listen on PORT=%d within %s", i.cmd.Path, i.port.number, timeout)
		}
	}
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
