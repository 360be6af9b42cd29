package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"souk/emulators/transport"
)

const (
	// probePeriod is the time between two attempts to connect to a starting instance. A
	// refused connection on the loopback costs some 20 µs.
	probePeriod = time.Millisecond
	// outputDelay is how long a child of an ended process may hold its output open.
	outputDelay = time.Second
)

// start waits for ColdStart, reserves a port and forks the process.
func (i *instance) start() error {
	if delay := i.service.platform.options.ColdStart; delay > 0 {
		select {
		case <-time.After(delay):
		case <-i.retired:
			return errStopped
		}
	}
	port, err := reservePort()
	if err != nil {
		return fmt.Errorf("reserve a port for %s: %w", i.service.function.Name, err)
	}
	i.port = port
	i.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port.number))
	i.transport = transport.NewHost(i.address, time.Second)
	options := i.service.platform.options
	//nolint:noctx // a signal ends it after its requests; a context would kill it
	i.cmd = exec.Command(filepath.Join(options.BinDir, i.service.function.Service))
	i.cmd.Env = i.environment()
	i.cmd.Stdout, i.cmd.Stderr = &i.output.stdout, &i.output.stderr
	i.cmd.WaitDelay = outputDelay
	i.cmd.SysProcAttr = processAttributes()
	if i.allowance, err = i.service.newAllowance(); err != nil {
		return errors.Join(fmt.Errorf("limit %s: %w", i.service.function.Name, err), port.release())
	}
	if err := i.service.platform.forks.start(i.cmd); err != nil {
		i.allowance.end()
		return errors.Join(fmt.Errorf("start %s: %w", i.service.function.Name, err), port.release())
	}
	pid := i.cmd.Process.Pid
	if i.allowance != nil {
		if err := i.allowance.group.Add(pid); err != nil {
			i.service.log.Warn("an instance runs without limits", "pid", pid, "error", err)
		}
	}
	i.pid.Store(int64(pid))
	i.service.platform.running.Go(i.wait)
	return nil
}

// newAllowance returns the allowance of a new instance: nil if limits are not enforced.
func (s *service) newAllowance() (*allowance, error) {
	m := s.platform.options.Cgroups
	if m == nil {
		return nil, nil
	}
	a, err := newAllowance(m, s.function.Name, s.scaling.MemoryBytes(), s.scaling.VCPUs(), s.log)
	if err == nil && s.function.LowPriority {
		if err = a.group.LowerPriority(); err != nil {
			a.end()
		}
	}
	return a, err
}

// environment returns Cloud Run's contract with a function and the one CPU that an instance
// has there; with all CPUs of the machine it would slow down others.
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
		"GOMAXPROCS=1",
	)
}

func (i *instance) wait() {
	i.exitErr = i.cmd.Wait()
	i.output.flush()
	i.reportMemory(i.allowance.end())
	if err := i.port.release(); err != nil {
		i.service.log.Warn("release a port", "port", i.port.number, "error", err)
	}
	close(i.exited)
}

// reportMemory logs the end of a process that exceeded its memory, in Cloud Run's words.
func (i *instance) reportMemory(oomKills, peak int64) {
	if oomKills == 0 {
		return
	}
	i.service.counters.oomKills.Add(1)
	const mebibyte = 1 << 20
	i.output.entry(fmt.Appendf(nil, `{"severity":"ERROR","message":"Memory limit of %d MiB exceeded with %d MiB used. `+
		`Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits"}`,
		i.service.scaling.MemoryBytes()/mebibyte, (peak+mebibyte-1)/mebibyte))
}

// listen waits until the process accepts connections, or returns why it never will.
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
