package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"souk/emulators/local"
)

// platform is what a system runs on: what tests do to it from outside.
type platform interface {
	// command is the command-line program on the system, and how to end it.
	command(args ...string) (command *exec.Cmd, cancel func())
	// kill ends the processes of a function as a crash would, and returns how many
	// it ended. They come back by themselves, or with the next request.
	kill(t testing.TB, function string) int
	// terminate tells the processes of a function to stop, and has them come back.
	terminate(t testing.TB, function string)
	// logs are all that the system's parts have said, by where they said it.
	logs(t testing.TB) map[string]string
	// folder is one that the command-line program may write to.
	folder(t testing.TB) string
	// stop ends the whole system, which keeps its data, and start starts it again.
	stop(t testing.TB)
	start(t testing.TB) local.Status
}

// processes are a system that souk up runs.
type processes struct {
	stateDir string
	// databases is where its databases are; empty: a server of its own.
	databases string
	flags     []string
}

func (p *processes) command(args ...string) (command *exec.Cmd, cancel func()) {
	// Not the test's context: the last command runs when that has ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	command = exec.CommandContext(ctx, filepath.Join(programs, "souk"), append(args, "--state-dir="+p.stateDir)...)
	command.Env = append(os.Environ(), crowded...)
	if p.databases == "" {
		command.Env = append(command.Env, "DATABASE_URL=")
	}
	return command, cancel
}

// crowded are the settings for tests, in which one customer is a crowd.
var crowded = []string{"ORDER_MAX_OPEN=1000000", "ORDER_MAX_PIECES=1000000"}

func (p *processes) start(t testing.TB) local.Status {
	t.Helper()
	mustSouk(t, p, append([]string{"up", "--detach", "--port=0", "--database-url=" + p.databases}, p.flags...)...)
	return p.status(t)
}

func (p *processes) stop(t testing.TB) {
	t.Helper()
	mustSouk(t, p, "down")
}

func (p *processes) status(t testing.TB) local.Status {
	t.Helper()
	return mustParse(t, mustSouk(t, p, "status", "--json"))
}

func (p *processes) kill(t testing.TB, function string) int {
	t.Helper()
	return p.signal(t, function, syscall.SIGKILL)
}

func (p *processes) terminate(t testing.TB, function string) {
	t.Helper()
	p.signal(t, function, syscall.SIGTERM)
}

// signal sends a signal to the processes of a function, and returns to how many.
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

// pids are the processes that serve a function now.
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
	said := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		said[filepath.Base(path)] = string(text)
	}
	return said
}

func (p *processes) folder(t testing.TB) string {
	t.Helper()
	return t.TempDir()
}
