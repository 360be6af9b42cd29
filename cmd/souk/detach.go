//go:build !container

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"souk/emulators/local"
)

const (
	// readyVariable names the descriptor on which a detached system reports that it
	// is ready.
	readyVariable   = "SOUK_READY_FD"
	readyDescriptor = 3 // the first of exec.Cmd's ExtraFiles

	readyWord = "ready\n"

	detachedLog = "souk.log"
	// maxDetachedLog is where the log is begun anew; one that was full before stays.
	maxDetachedLog = 8 << 20

	// followPeriod is how often the output of a detached system is read.
	followPeriod = 50 * time.Millisecond
)

// detach starts the same command in a session of its own, and returns when that
// is ready or has failed, having printed its output till then.
func (p *program) detach(ctx context.Context) error {
	begin := time.Now()
	if err := os.MkdirAll(p.stateDir, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	path := filepath.Join(p.stateDir, detachedLog)
	if err := local.TrimLog(path, maxDetachedLog); err != nil {
		return err
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	said, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	system, ready, err := p.startDetached(log)
	if err != nil {
		return err
	}
	defer ready.Close()
	outcome := make(chan error, 1)
	go func() { outcome <- awaitReady(system, ready) }()
	err = p.follow(ctx, log, said, outcome)
	if ctx.Err() != nil {
		// The person at the terminal no longer wants it.
		_ = system.Process.Signal(syscall.SIGTERM)
		return errors.New("stopped before it was ready")
	}
	if err != nil {
		return err
	}
	status, err := p.status(ctx)
	if err != nil {
		return err
	}
	p.summary(status, time.Since(begin))
	p.say("It runs in the background, as process %d. Stop it with: %s", system.Process.Pid, p.command("down"))
	return system.Process.Release()
}

// startDetached starts this program again, without --detach.
func (p *program) startDetached(log *os.File) (system *exec.Cmd, ready *os.File, err error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	ready, said, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer said.Close()
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return arg == "--detach" || strings.HasPrefix(arg, "--detach=")
	})
	system = exec.Command(executable, args...) //nolint:noctx // it outlives this program
	system.Env = append(os.Environ(), readyVariable+"="+strconv.Itoa(readyDescriptor))
	system.Stdout, system.Stderr = log, log
	system.ExtraFiles = []*os.File{said}
	system.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := system.Start(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start in the background: %w", err), ready.Close())
	}
	return system, ready, nil
}

// awaitReady returns nil when the system reports that it is ready. Its end closes
// the pipe without a word.
func awaitReady(system *exec.Cmd, ready io.Reader) error {
	if _, err := io.ReadFull(ready, make([]byte, len(readyWord))); err == nil {
		return nil
	}
	err := system.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exitCode(exit.ExitCode()) // the reason is in the log
	}
	return fmt.Errorf("the system ended before it was ready: %w", errors.Join(err, errors.New("see its log")))
}

// follow shows what is added to the log, until there is an outcome.
func (p *program) follow(ctx context.Context, log *os.File, from int64, outcome <-chan error) error {
	show := func() {
		n, err := io.Copy(p.stderr, io.NewSectionReader(log, from, 1<<62))
		from += n
		if err != nil {
			p.say("read the log %s: %v", log.Name(), err)
		}
	}
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	for {
		select {
		case err := <-outcome:
			show()
			return err
		case <-ctx.Done():
			show()
			return ctx.Err()
		case <-tick.C:
			show()
		}
	}
}

// readyPipe returns the pipe to report readiness on, nil in the foreground.
// The processes that the system starts do not get it.
func (p *program) readyPipe() *os.File {
	descriptor, err := strconv.Atoi(p.getenv(readyVariable))
	if err != nil {
		return nil
	}
	syscall.CloseOnExec(descriptor)
	return os.NewFile(uintptr(descriptor), "ready")
}

// logToFile has a detached system write to a log of limited size. It is the file that
// standard output and error are already, so that a crash is in it too.
func (p *program) logToFile() error {
	log, err := local.OpenLog(filepath.Join(p.stateDir, detachedLog), maxDetachedLog, func(file *os.File) error {
		return errors.Join(unix.Dup2(int(file.Fd()), syscall.Stdout), unix.Dup2(int(file.Fd()), syscall.Stderr))
	})
	if err != nil {
		return err
	}
	p.stdout, p.stderr = log, log
	return nil
}

// notifyReady lets the command that started this one in the background return.
func (p *program) notifyReady(pipe *os.File) {
	if _, err := pipe.WriteString(readyWord); err != nil {
		p.say("report that the system is ready: %v", err)
	}
	_ = pipe.Close() // The word has been read, or the reader is gone.
}
