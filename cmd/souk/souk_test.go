package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/emulators/buildtest"
	"souk/emulators/local"
	"souk/shared/dbtest"
)

// maxWait bounds each wait of a test. It is no measure of the expected time.
const maxWait = time.Minute

// binDir is where TestMain builds the programs, as `make build` does.
var binDir string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "souk-test-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the programs:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	binDir = folder
	if err := buildtest.Programs(context.Background(), folder, buildtest.Shop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// result is what a command said and how it ended.
type result struct {
	code           int
	stdout, stderr string
}

// command is souk with arguments, and without settings from around it.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), maxWait)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "souk"), args...)
	cmd.Dir = t.TempDir()
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DATABASE_URL=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", cmd.Args, err)
	}
	return result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func souk(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, command(t, args...))
}

func (r result) requireExitCode(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

func (r result) requireStderr(t *testing.T, texts ...string) result {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
	return r
}

// mustServer returns the URL of the tests' server, naming a database that begins
// the names of one system's own. They are dropped with the test.
func mustServer(t *testing.T) string {
	t.Helper()
	return string(dbtest.ReservePrefix(t))
}

// mustUp starts a system in the background; it is stopped with the test.
func mustUp(t *testing.T, stateDir, server string) local.Status {
	t.Helper()
	t.Cleanup(func() { souk(t, "down", "--state-dir", stateDir).requireExitCode(t, 0) })
	souk(t, "up", "--detach", "--port", "0", "--state-dir", stateDir, "--database-url", server).
		requireExitCode(t, 0).requireStderr(t, "Souk is ready", "in the background")
	return mustStatus(t, stateDir)
}

func mustStatus(t *testing.T, stateDir string) local.Status {
	t.Helper()
	r := souk(t, "status", "--json", "--state-dir", stateDir).requireExitCode(t, 0)
	var status local.Status
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil {
		t.Fatalf("status --json: %v\n%s", err, r.stdout)
	}
	return status
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(maxWait)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, maxWait)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
