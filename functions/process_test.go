package functions_test

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/emulators/buildtest"
)

// processTimeout is how long a test waits for a process before it fails. It is not a bound
// on the duration of an operation.
const processTimeout = time.Minute

// process is a running command of a service, started as Cloud Run starts it.
type process struct {
	url    string
	cmd    *exec.Cmd
	stdout lockedText
	stderr lockedText
	ended  chan struct{} // closed at the end of the process
}

// lockedText is a buffer for concurrent use.
type lockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take returns the text and resets the buffer.
func (l *lockedText) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// programs is the folder of the services' programs.
var programs string

// buildPrograms builds the services' programs once.
var buildPrograms = sync.OnceValue(func() error {
	sources := buildtest.Shop()
	delete(sources, "souk")
	return buildtest.Programs(context.Background(), programs, sources)
})

// mustBuild returns the path of a service's program. All are built before the first test that
// needs one.
func mustBuild(t *testing.T, service string) string {
	t.Helper()
	if err := buildPrograms(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(programs, service)
}

// mustRun starts a process with the given environment only.
func mustRun(t *testing.T, binary string, environment ...string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{url: "http://127.0.0.1:" + port, ended: make(chan struct{}), cmd: exec.Command(binary)}
	p.cmd.Env = append([]string{"PORT=" + port, "LOCAL_ONLY=true"}, environment...) // the last of two settings is used
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState has the exit code
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // fails if the process has ended, as expected
		<-p.ended
		if t.Failed() {
			t.Logf("the process wrote: %s", p.stderr.String())
		}
	})
	return p
}

// mustListen waits until the process accepts connections.
func (p *process) mustListen(t *testing.T) {
	t.Helper()
	address := strings.TrimPrefix(p.url, "http://")
	mustWaitUntil(t, "the process listens", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("the process ended: %s", p.stderr.String())
		default:
		}
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

func (p *process) mustTerminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("send SIGTERM: %v", err)
	}
}

// mustWaitUntil polls a condition until it holds.
func mustWaitUntil(t *testing.T, condition string, holds func() bool) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	timeout := time.NewTimer(processTimeout)
	defer timeout.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-timeout.C:
			t.Fatalf("timeout before %s", condition)
		}
	}
}

// mustExit waits for the end of the process and returns its exit code, which is -1 after a
// signal.
func (p *process) mustExit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(processTimeout):
		t.Fatalf("the process does not exit")
		return -1
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
