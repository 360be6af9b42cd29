package functions_test

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for a process before it fails. It is no
// measure of how long anything should take.
const patience = time.Minute

// process is a service's real binary, run as Cloud Run runs it.
type process struct {
	url    string
	cmd    *exec.Cmd
	stderr lockedText
	ended  chan struct{} // closed when it has ended
}

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

// Take returns the text and begins a new one.
func (l *lockedText) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// MustBuild builds a service's command.
func MustBuild(t *testing.T, service string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), service)
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./"+service+"/cmd").CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", service, err, output)
	}
	return binary
}

// MustRun starts a process with nothing in its environment but what is given.
func MustRun(t *testing.T, binary string, environment ...string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{url: "http://127.0.0.1:" + port, ended: make(chan struct{}), cmd: exec.Command(binary)}
	p.cmd.Env = append([]string{"PORT=" + port, "LOCAL_ONLY=true"}, environment...) // of two settings the last counts
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState tells how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // fails for one that has ended, as it should have
		<-p.ended
		if t.Failed() {
			t.Logf("the process wrote: %s", p.stderr.String())
		}
	})
	return p
}

// mustListen waits until the process takes connections.
func (p *process) mustListen(t *testing.T) {
	t.Helper()
	address := strings.TrimPrefix(p.url, "http://")
	mustBecome(t, "the process listens", func() bool {
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

// mustBecome waits until a condition holds.
func mustBecome(t *testing.T, what string, holds func() bool) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	patient := time.NewTimer(patience)
	defer patient.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-patient.C:
			t.Fatalf("it never becomes true that %s", what)
		}
	}
}

// mustExit waits for the end of the process and returns its exit code, -1 for one
// that a signal ended.
func (p *process) mustExit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the process does not end")
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
