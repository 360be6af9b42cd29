package mysql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server process that was started by this program.
type process struct {
	pid  int
	done chan struct{}
	err  error // of Wait; set when done is closed
}

// run starts a server with its output appended to the file at log, in its own process
// group. Where the system supports it, the server receives onDeath when this process dies.
func run(path string, args []string, log string, onDeath syscall.Signal) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	command := exec.Command(path, args...) //nolint:noctx // stop ends it; a context would kill it
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = groupAttributes(onDeath)

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The system ties the child to the thread that started it, not to the process, so this
		// thread stays until the server has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- errors.Join(err, output.Close())
		if err != nil {
			return
		}
		p.err = command.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.pid = command.Process.Pid
	return p, nil
}

// result describes how the process ended. It must have ended.
func (p *process) result() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// stop asks the server to shut down and waits. If ctx or stopTimeout ends first, it kills
// the server.
func (p *process) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := signal(p.pid, syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	return p.kill()
}

// kill kills the process group and waits for the process.
func (p *process) kill() error {
	if err := signal(-p.pid, syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// stopOrphan stops the server of a souk that was killed. No other souk can own the server,
// because this one holds the lock.
func (in *instance) stopOrphan(ctx context.Context) error {
	pid := in.state.PID
	if pid == 0 || !in.owns(pid) {
		return nil
	}
	in.options.progress("Stopping the database server %d of an earlier run", pid)
	if err := signal(pid, syscall.SIGTERM); err != nil {
		return err
	}
	deadline := time.Now().Add(stopTimeout)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for in.owns(pid) {
		if time.Now().After(deadline) {
			if err := signal(-pid, syscall.SIGKILL); err != nil {
				return err
			}
			deadline = time.Now().Add(stopTimeout)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for server %d to end: %w", pid, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}

// owns reports whether process pid is a server with this folder's data, initialized or
// not: process ids are reused.
func (in *instance) owns(pid int) bool {
	return strings.Contains(commandLine(pid), "--datadir="+in.path(dataFolder))
}

// commandLine returns the arguments of a process, one a line; empty if it has ended.
func commandLine(pid int) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err == nil {
		return strings.ReplaceAll(string(raw), "\x00", "\n")
	}
	if runtime.GOOS == "linux" {
		return ""
	}
	//nolint:noctx // aborted, it would report that the process has ended
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(out), " --", "\n--") + "\n"
}

// signal sends a signal to a process. It ignores that the process has ended.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to database server %d: %w", s, pid, err)
	}
	return nil
}

// lock locks a file. The system releases the lock when this process ends.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another souk is running with this folder: stop it with souk down, or choose another folder with --state-dir")
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = file.Close() }, nil
}
