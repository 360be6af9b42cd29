package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUp(t *testing.T) {
	t.Parallel()
	stateDir, server := t.TempDir(), mustServer(t)
	s := mustUp(t, stateDir, server)

	t.Run("the gateway lets customers in", func(t *testing.T) { mustList(t, s.Gateway) })
	t.Run("status --json has the fields that other programs read", func(t *testing.T) {
		r := souk(t, "status", "--json", "--state-dir", stateDir).requireExitCode(t, 0)
		var fields map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &fields); err != nil {
			t.Fatal(err)
		}
		want := []string{"admin", "console", "customer", "database", "functions", "gateway", "mail", "payments", "pubsub"}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(fields))); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		if r.stderr != "" {
			t.Errorf("stderr: %s", r.stderr)
		}
	})
	t.Run("a function's processes are in the status", func(t *testing.T) {
		if pids := processes(t, stateDir, "product-list"); len(pids) != 1 || !alive(pids[0]) {
			t.Errorf("product-list runs as %v", pids)
		}
	})
	t.Run("a function is given its own service's database, and no secret of others", func(t *testing.T) {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", processes(t, stateDir, "product-list")[0]))
		if err != nil {
			t.Skip("this system does not show the environment of processes: ", err)
		}
		for variable := range strings.SplitSeq(string(environ), "\x00") {
			name, value, _ := strings.Cut(variable, "=")
			switch {
			case name == "DATABASE_URL" && !strings.Contains(value, "_product"):
				t.Error("DATABASE_URL is not product's")
			case strings.Contains(name, "SIGNING"):
				t.Errorf("product-list has %s", name)
			}
		}
	})
	t.Run("jwks, which anyone may call, is given no private key", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Gateway+"/.well-known/jwks.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", processes(t, stateDir, "jwks")[0]))
		if err != nil {
			t.Skip("this system does not show the environment of processes: ", err)
		}
		if response.StatusCode != http.StatusOK || !strings.Contains(string(environ), "AUTH_PUBLIC_KEYS=-----BEGIN PUBLIC KEY") {
			t.Errorf("status %d; the environment has no public key", response.StatusCode)
		}
		if strings.Contains(string(environ), "PRIVATE KEY") || strings.Contains(string(environ), "AUTH_SIGNING_KEYS") {
			t.Error("the environment has a private key")
		}
	})
	t.Run("env is for a shell's eval", func(t *testing.T) {
		script := fmt.Sprintf(`eval "$(%s env --state-dir %s)"; printf '%%s %%s' "$SOUK_URL" "$SOUK_ADMIN_PASSWORD"`,
			filepath.Join(binDir, "souk"), stateDir)
		said, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
		if want := s.Gateway + " " + s.Admin.Password; err != nil || string(said) != want {
			t.Errorf("the shell has %q, want %q (%v)", said, want, err)
		}
	})
	t.Run("a second system in the same folder is refused", func(t *testing.T) {
		souk(t, "up", "--port", "0", "--state-dir", stateDir, "--database-url", server).
			requireExitCode(t, 1).requireStderr(t, "a system is already running", "process ", "souk down --state-dir "+stateDir)
	})
	t.Run("a second system on the same databases is refused", func(t *testing.T) {
		souk(t, "up", "--port", "0", "--database-url", server).
			requireExitCode(t, 1).requireStderr(t, "another system uses the databases", "naming one in the URL")
	})
	t.Run("scheduler run calls a scheduled function", func(t *testing.T) {
		souk(t, "scheduler", "run", "order-outbox", "--state-dir", stateDir).requireExitCode(t, 0)
		waitFor(t, "order-outbox runs", func() bool { return len(processes(t, stateDir, "order-outbox")) == 1 })
	})
	t.Run("scheduler run refuses a function without a schedule", func(t *testing.T) {
		souk(t, "scheduler", "run", "order-place", "--state-dir", stateDir).requireExitCode(t, 1).requireStderr(t, "order-place")
	})
	t.Run("listen forwards events to a program", func(t *testing.T) { testListen(t, stateDir) })
	t.Run("what is secret is for its owner alone", func(t *testing.T) {
		for _, name := range []string{"secrets.json", "souk.lock", "control.sock"} {
			info, err := os.Stat(filepath.Join(stateDir, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
	})
	t.Run("down stops it with all its processes", func(t *testing.T) {
		pids := processes(t, stateDir, "product-list")
		souk(t, "down", "--state-dir", stateDir).requireExitCode(t, 0).requireStderr(t, "stopped after")
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("process %d of product-list is still there", pid)
			}
		}
	})
	t.Run("logins are the same next time", func(t *testing.T) {
		again := mustUp(t, stateDir, server)
		if again.Admin != s.Admin || again.Customer != s.Customer {
			t.Errorf("%+v and %+v", s, again)
		}
	})
}

func TestSignals(t *testing.T) {
	t.Parallel()
	t.Run("SIGINT stops the system, and nothing of it stays", func(t *testing.T) {
		t.Parallel()
		stateDir := t.TempDir()
		up := mustForeground(t, stateDir)
		mustList(t, mustStatus(t, stateDir).Gateway)
		pids := processes(t, stateDir, "product-list")
		mustSignal(t, up.Cmd, syscall.SIGINT)
		if err := up.Wait(); err != nil {
			t.Errorf("souk up: %v\n%s", err, up.said(t))
		}
		if slices.ContainsFunc(pids, alive) {
			t.Errorf("a function is still there: %v", pids)
		}
		souk(t, "down", "--state-dir", stateDir).requireExitCode(t, 0).requireStderr(t, "nothing runs")
	})
	t.Run("a second SIGINT does not wait for a function that hangs", func(t *testing.T) {
		t.Parallel()
		stateDir := t.TempDir()
		up := mustForeground(t, stateDir)
		mustList(t, mustStatus(t, stateDir).Gateway)
		pid := processes(t, stateDir, "product-list")[0]
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		mustSignal(t, up.Cmd, syscall.SIGINT)
		waitFor(t, "souk says that it stops", func() bool { return strings.Contains(up.said(t), "stopping; once more") })
		mustSignal(t, up.Cmd, syscall.SIGINT)
		_ = up.Wait() // It may say that something was cut off.
		if said := up.said(t); !strings.Contains(said, "stopping at once") || alive(pid) {
			t.Errorf("process %d is there: %v\n%s", pid, alive(pid), said)
		}
	})
	t.Run("a killed system leaves nothing that runs, and starts again", func(t *testing.T) {
		t.Parallel()
		stateDir, server := t.TempDir(), mustServer(t)
		s := mustUp(t, stateDir, server)
		mustList(t, s.Gateway)
		pids := processes(t, stateDir, "product-list")
		r := souk(t, "up", "--port", "0", "--state-dir", stateDir, "--database-url", server).requireExitCode(t, 1)
		match := regexp.MustCompile(`process (\d+)`).FindStringSubmatch(r.stderr)
		if match == nil {
			t.Fatalf("no process is named: %s", r.stderr)
		}
		var pid int
		if _, err := fmt.Sscan(match[1], &pid); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the functions die with it", func() bool { return !slices.ContainsFunc(pids, alive) })
		mustList(t, mustUp(t, stateDir, server).Gateway)
	})
}

// foreground is a souk up in the foreground.
type foreground struct {
	*exec.Cmd
	log string
}

// said returns its output so far.
func (f foreground) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(f.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustForeground starts souk up and waits until it is ready.
func mustForeground(t *testing.T, stateDir string, flags ...string) foreground {
	t.Helper()
	up := foreground{
		Cmd: command(t, append([]string{"up", "--port", "0", "--state-dir", stateDir, "--database-url", mustServer(t)}, flags...)...),
		log: filepath.Join(t.TempDir(), "log"),
	}
	log, err := os.Create(up.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	up.Stderr = log
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if up.ProcessState == nil { // The test failed before it stopped it.
			_ = up.Process.Signal(syscall.SIGTERM)
			_ = up.Wait()
		}
	})
	waitFor(t, "souk up is ready", func() bool {
		said := up.said(t)
		if strings.Contains(said, "souk: ") {
			t.Fatalf("souk up failed:\n%s", said)
		}
		return strings.Contains(said, "Souk is ready")
	})
	return up
}

func mustSignal(t *testing.T, cmd *exec.Cmd, signal os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

func mustList(t *testing.T, gateway string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway+"/v1/products", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET /v1/products: %s", response.Status)
	}
}

func processes(t *testing.T, stateDir, function string) []int {
	t.Helper()
	for _, f := range mustStatus(t, stateDir).Functions {
		if f.Name == function {
			return f.PIDs
		}
	}
	t.Fatalf("no function %s", function)
	return nil
}
