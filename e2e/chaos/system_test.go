package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/emulators/buildtest"
	"souk/functions"
)

// startTimeout bounds one start of the system, including the recovery of the database.
const startTimeout = 3 * time.Minute

// status is the part of the output of `souk status --json` that a campaign needs.
type status struct {
	Gateway  string
	Admin    login
	Customer login
	Database struct {
		DSN   string
		Names map[string]string
	}
	Mail struct{ URL string }
}

type login struct{ Email, Password string }

// system is a complete system with its own database server: `souk up`.
type system struct {
	bin, stateDir string
	port          int
	status        status
	provider      *provider

	mu      sync.Mutex // held while the system is killed and started
	command *exec.Cmd
	output  *os.File
}

// newSystem builds the programs and returns a system that is not started.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{bin: t.TempDir(), stateDir: filepath.Join(t.TempDir(), "state"), port: freePort(t)}
	s.provider = &provider{s: s, port: freePort(t), dir: filepath.Join(t.TempDir(), "provider")}
	err := buildtest.Programs(t.Context(), s.bin, buildtest.Shop())
	if err != nil {
		t.Fatal(err)
	}
	if s.output, err = os.Create(filepath.Join(t.TempDir(), "up.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop(t)
		s.provider.stop(t)
		if t.Failed() {
			s.logTail(t)
		}
	})
	return s
}

// freePort returns a port that the system can use again after each kill. It is below those
// that kernels give to clients (32768 and above on Linux), one of which would otherwise take
// it in between.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			defer listener.Close()
			return listener.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("none of 100 ports between 20000 and 32000 is free")
	return 0
}

// environment returns the test's environment without DATABASE_URL, so that the system
// starts its own database server, which can be killed.
func (s *system) environment() []string {
	variables := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "DATABASE_URL=") })
	variables = append(variables, "ORDER_MAX_OPEN=100000000", "ORDER_MAX_PIECES=100000000",
		"ORDER_MAX_UNPAID=100000000", "ORDER_MAX_UNPAID_OF_NETWORK=100000000")
	if *expire {
		variables = append(variables, "ORDER_UNPAID_FOR=1m")
	}
	return append(variables, s.provider.environment()...)
}

// start starts the system and returns when it is ready.
func (s *system) start(t *testing.T) {
	t.Helper()
	err := s.provider.start()
	if err == nil {
		err = s.tryStart()
	}
	if err != nil {
		s.logTail(t)
		t.Fatal(err)
	}
}

func (s *system) tryStart() error {
	s.command = exec.Command(filepath.Join(s.bin, "souk"), "up", "--payments=on", "--port="+strconv.Itoa(s.port), "--state-dir="+s.stateDir,
		"--pubsub-duplicate", "--pubsub-shuffle")
	s.command.Env, s.command.Stdout, s.command.Stderr = s.environment(), s.output, s.output
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func(command *exec.Cmd) { ended <- command.Wait() }(s.command)
	for deadline := time.Now().Add(startTimeout); ; {
		out, err := s.souk("status", "--json")
		if err == nil {
			return json.Unmarshal(out, &s.status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the system was not ready after %s: %w", startTimeout, err)
		}
		select {
		case err := <-ended:
			return fmt.Errorf("souk up ended: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// kill kills the system, as a crash would, and restarts it.
func (s *system) kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.command.Process.Kill(); err != nil {
		return err
	}
	// tryStart's goroutine reaps the process, which releases the lock of the state directory.
	return s.tryStart()
}

// stop shuts the system down.
func (s *system) stop(t *testing.T) {
	t.Helper()
	if s.command == nil || s.command.Process == nil {
		return
	}
	if out, err := s.souk("down"); err != nil {
		t.Errorf("souk down: %v\n%s", err, out)
	}
}

// souk runs the command-line program on the system.
func (s *system) souk(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(s.bin, "souk"), append(args, "--state-dir="+s.stateDir)...)
	command.Env = s.environment()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("souk %s: %w: %s%s", strings.Join(args, " "), err, stderr.Bytes(), stdout.Bytes())
	}
	return stdout.Bytes(), nil
}

// sweep publishes pending events and continues with payments. The scheduler does so once a minute.
func (s *system) sweep(t *testing.T) {
	t.Helper()
	scheduled := []string{"payment-reconcile"}
	for _, service := range functions.Manifest().Services() {
		scheduled = append(scheduled, service+"-outbox")
	}
	for _, function := range scheduled {
		if _, err := s.souk("scheduler", "run", function); err != nil {
			t.Error(err)
		}
	}
}

// logTail logs the last errors and lines of the system's logs.
func (s *system) logTail(t *testing.T) {
	t.Helper()
	for _, path := range []string{s.output.Name(), filepath.Join(s.stateDir, "functions.log"), filepath.Join(s.stateDir, "emulators.log")} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var errs []string
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"severity":"ERROR"`) || strings.Contains(line, "level=ERROR") {
				errs = append(errs, line[:min(len(line), 1500)])
			}
		}
		t.Logf("the last of %d errors in %s:\n%s", len(errs), filepath.Base(path), strings.Join(errs[max(0, len(errs)-20):], ""))
		t.Logf("%s ends with:\n%s", filepath.Base(path), text[max(0, len(text)-4000):])
	}
}

// requireNoDeadLetters requires that every dead-letter subscription is empty.
func (s *system) requireNoDeadLetters(t *testing.T) {
	t.Helper()
	out, err := s.souk("deadletters", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var summaries []struct {
		Subscription string
		Messages     int
	}
	if err := json.Unmarshal(out, &summaries); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(summaries) == 0 {
		t.Error("no dead-letter subscription is listed, so nothing was checked")
	}
	for _, summary := range summaries {
		if summary.Messages > 0 {
			t.Errorf("%s has %d dead letters", summary.Subscription, summary.Messages)
		}
	}
}

// audit returns an error if the shop's audit has findings, including messages that are not
// processed yet.
func (s *system) audit() error {
	_, err := s.souk("audit", "--grace", "0s")
	return err
}

// process is a child process of the system.
type process struct {
	pid      int
	function string // "" for the database server
}

// processes returns the processes of functions and the pid of the database server.
func (s *system) processes() (functions []process, database int) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, 0
	}
	parent := strconv.Itoa(s.command.Process.Pid)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		name, fields, _ := strings.Cut(string(text), ") ")
		if values := strings.Fields(fields); len(values) < 2 || values[1] != parent || values[0] == "Z" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err != nil {
			continue
		}
		target := ""
		for variable := range strings.SplitSeq(string(environ), "\x00") {
			if value, found := strings.CutPrefix(variable, "FUNCTION_TARGET="); found {
				target = value
			}
		}
		switch {
		case target != "":
			functions = append(functions, process{pid, target})
		case strings.Contains(name, "mariadbd") || strings.Contains(name, "mysqld"):
			database = pid
		}
	}
	return functions, database
}
