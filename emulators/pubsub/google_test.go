package pubsub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// googleEmulator is Google's Pub/Sub emulator of the gcloud SDK. The tests share one
// instance, which is started by the first that needs it.
type googleEmulator struct {
	once    sync.Once
	err     error
	addr    string
	command *exec.Cmd
	output  bytes.Buffer
}

var google googleEmulator

// errNotInstalled is the only reason to skip Google's emulator.
var errNotInstalled = errors.New("the Pub/Sub emulator of Google is not installed (gcloud components install pubsub-emulator)")

// mustStart returns the address of the running emulator. It skips the test if the
// emulator is not installed.
func (g *googleEmulator) mustStart(t *testing.T) string {
	t.Helper()
	g.once.Do(func() { g.err = g.start() })
	if errors.Is(g.err, errNotInstalled) {
		t.Skip(g.err)
	}
	if g.err != nil {
		t.Fatal(g.err)
	}
	return g.addr
}

func (g *googleEmulator) start() error {
	program, err := findEmulator()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return fmt.Errorf("free the port: %w", err)
	}
	g.addr = fmt.Sprintf("127.0.0.1:%d", port)
	g.command = exec.Command(program, "--host=127.0.0.1", fmt.Sprintf("--port=%d", port))
	g.command.Stdout, g.command.Stderr = &g.output, &g.output
	// A process group of its own: the program is a script that starts Java.
	g.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	return g.awaitReady()
}

func findEmulator() (string, error) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		return "", errNotInstalled
	}
	gcloud, err = filepath.EvalSymlinks(gcloud)
	if err != nil {
		return "", fmt.Errorf("follow %s: %w", gcloud, err)
	}
	root := filepath.Dir(filepath.Dir(gcloud))
	program := filepath.Join(root, "platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator")
	if _, err := os.Stat(program); err != nil {
		return "", errNotInstalled
	}
	return program, nil
}

func (g *googleEmulator) awaitReady() error {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		connection, err := net.DialTimeout("tcp", g.addr, time.Second)
		if err == nil {
			return connection.Close()
		}
		pause(20 * time.Millisecond)
	}
	return fmt.Errorf("Google's emulator does not listen on %s; output: %s", g.addr, &g.output)
}

// pause waits before a condition is polled again.
func pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	<-ctx.Done()
}

// stop ends the emulator if it was started.
func (g *googleEmulator) stop() {
	if g.command == nil || g.command.Process == nil {
		return
	}
	if err := syscall.Kill(-g.command.Process.Pid, syscall.SIGKILL); err != nil {
		fmt.Fprintf(os.Stderr, "stop Google's emulator, process %d: %v\n", g.command.Process.Pid, err)
	}
	// It was killed, so Wait returns an error.
	_ = g.command.Wait()
}
