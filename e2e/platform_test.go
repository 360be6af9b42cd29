package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"souk/emulators/local"
)

// platform controls the processes of a system.
type platform interface {
	// command returns a command of the command-line program for the system.
	command(args ...string) (command *exec.Cmd, cancel func())
	// kill kills the processes of a function, as a crash would, and returns their number.
	// They are restarted automatically, or by the next request.
	kill(t testing.TB, function string) int
	// terminate sends SIGTERM to the processes of a function, and restarts them.
	terminate(t testing.TB, function string)
	// logs returns the logs of the system by file or command.
	logs(t testing.TB) map[string]string
	// folder returns a folder that the command-line program can write to.
	folder(t testing.TB) string
	// stop stops the system without deleting its data, and start starts it again.
	stop(t testing.TB)
	start(t testing.TB) local.Status
}

// processes is a system that souk up runs.
type processes struct {
	stateDir string
	// databases is the URL of its databases; empty for its own server.
	databases   string
	flags       []string
	environment []string
}

func (p *processes) command(args ...string) (command *exec.Cmd, cancel func()) {
	// Not the test's context: the last command runs after its end.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	command = exec.CommandContext(ctx, filepath.Join(programs, "souk"), append(args, "--state-dir="+p.stateDir)...)
	command.Env = slices.Concat(os.Environ(), testSettings, p.environment)
	if p.databases == "" {
		command.Env = append(command.Env, "DATABASE_URL=")
	}
	return command, cancel
}

// testSettings raise the limits per customer, since tests use few customers, and have low stock mailed.
var testSettings = []string{"ORDER_MAX_OPEN=1000000", "ORDER_MAX_PIECES=1000000", "USER_STOCK_MAIL=" + stockMailbox}

func (p *processes) start(t testing.TB) local.Status {
	t.Helper()
	mustSouk(t, p, append([]string{"up", "--detach", "--port=0", "--payments=off", "--database-url=" + p.databases}, p.flags...)...)
	return p.status(t)
}

func (p *processes) stop(t testing.TB) {
	t.Helper()
	mustSouk(t, p, "down")
}

func (p *processes) status(t testing.TB) local.Status {
	t.Helper()
	return mustParseStatus(t, mustSouk(t, p, "status", "--json"))
}

func (p *processes) kill(t testing.TB, function string) int {
	t.Helper()
	return p.signal(t, function, syscall.SIGKILL)
}

func (p *processes) terminate(t testing.TB, function string) {
	t.Helper()
	p.signal(t, function, syscall.SIGTERM)
}

// signal sends a signal to the processes of a function, and returns their number.
func (p *processes) signal(t testing.TB, function string, signal syscall.Signal) int {
	t.Helper()
	sent := 0
	for _, pid := range p.pids(t, function) {
		if err := syscall.Kill(pid, signal); err == nil {
			sent++
		}
	}
	return sent
}

// pids returns the ids of the processes that serve a function.
func (p *processes) pids(t testing.TB, function string) []int {
	t.Helper()
	for _, f := range p.status(t).Functions {
		if f.Name == function {
			return f.PIDs
		}
	}
	t.Fatalf("the system has no function %s", function)
	return nil
}

func (p *processes) logs(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(p.stateDir, "*.log"))
	if err != nil {
		t.Error(err)
	}
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		texts[filepath.Base(path)] = string(text)
	}
	return texts
}

func (p *processes) folder(t testing.TB) string {
	t.Helper()
	return t.TempDir()
}
