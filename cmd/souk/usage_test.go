package main_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"an unknown command":        {"upp"},
		"an unknown flag":           {"up", "--prot", "9000"},
		"a port that is none":       {"up", "--port", "70000"},
		"a URL for a host":          {"up", "--allowed-hosts", "http://shop.test"},
		"payments by another word":  {"up", "--payments", "yes"},
		"a cold start of words":     {"up", "--cold-start", "soon"},
		"a negative cold start":     {"up", "--cold-start=-1s"},
		"a cold start of an hour":   {"up", "--cold-start", "1h"},
		"a word for a port":         {"up", "--port", "http"},
		"an argument too many":      {"down", "now"},
		"a function too few":        {"scheduler", "run"},
		"no command to run":         {"database", "--"},
		"migrate without server":    {"migrate"},
		"migrate without instance":  {"migrate-cloud-sql"},
		"migrate by anything else":  {"migrate-cloud-sql", "--granularity", "machine"},
		"an admin without address":  {"first-admin"},
		"an admin of no instance":   {"first-admin", "amira@example.com"},
		"topics without emulator":   {"topics"},
		"a rollout by anything":     {"rollout", "services", "--granularity", "machine"},
		"a missing run service":     {"rollout", "evaluate", "--project", "p", "--since", "1", "missing=r-1"},
		"an audit of one database":  {"audit", "--order-url", "mysql://a:b@127.0.0.1:1/c"},
		"a check that is none":      {"audit", "--accept", "stock-sum,rule-colour"},
		"a load of no scenario":     {"load"},
		"an unknown scenario":       {"load", "shop"},
		"a load of no users":        {"load", "browse", "--users", "0"},
		"a load of -1 users":        {"load", "browse", "--users", "-1"},
		"a load of no duration":     {"load", "browse", "--duration", "0"},
		"a load of no stock":        {"load", "flash-sale", "--stock", "0"},
		"a load at a negative rate": {"load", "browse", "--rate", "-1"},
		"a load at no number":       {"load", "browse", "--rate", "NaN"},
		"a load once in centuries":  {"load", "browse", "--rate", "1e-12"},
		"an unknown experiment":     {"lab", "weather"},
		"a report of one":           {"lab", "events", "--report", "page.md"},
		"a console with a name":     {"console", "open"},
		"a replay of nothing":       {"deadletters", "replay", "order-confirm.stock-reserved", "--reason", "x"},
		"a replay of one and all":   {"deadletters", "replay", "order-confirm.stock-reserved", "--reason", "x", "--all", "--id", "1"},
		"a discard without why":     {"deadletters", "discard", "order-confirm.stock-reserved", "--all"},
		"payments without a key":    {"payment"},
		"a listener to no URL":      {"listen", "--forward", "127.0.0.1:3000"},
		"a listener far away":       {"listen", "--url", "https://shop.example"},
		"a listener by no URL":      {"listen", "--public-url", "tunnel.example"},
		"a trail of no kind":        {"trail", "--resource", "shop"},
		"a trail of no id":          {"trail", "--resource", "order/S-7KQ4"},
		"a trail of no actor":       {"trail", "--actor", "amira"},
		"a trail since words":       {"trail", "--from", "yesterday"},
		"a trail of nothing":        {"trail", "--limit", "0"},
	} {
		t.Run(name+" is a usage error", func(t *testing.T) {
			t.Parallel()
			r := souk(t, args...).requireExitCode(t, 2).requireStderr(t, "souk: ", "--help")
			if r.stdout != "" {
				t.Errorf("a message is on stdout: %s", r.stdout)
			}
		})
	}
	t.Run("a synthetic order without settings names all that are missing, in order", func(t *testing.T) {
		t.Parallel()
		souk(t, "synthetic-order", "--email", "test@example.com").requireExitCode(t, 2).
			requireStderr(t, "missing: --product, --url, SYNTHETIC_PASSWORD")
	})
	t.Run("help is printed to standard output", func(t *testing.T) {
		t.Parallel()
		r := souk(t, "up", "--help").requireExitCode(t, 0)
		if !strings.Contains(r.stdout, "--state-dir") || r.stderr != "" {
			t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
		}
	})
}

func TestNothingRuns(t *testing.T) {
	t.Parallel()
	t.Run("down says so, and that is fine", func(t *testing.T) {
		t.Parallel()
		souk(t, "down").requireExitCode(t, 0).requireStderr(t, "nothing runs in .souk")
	})
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"env"}, {"scheduler", "run", "order-outbox"}, {"audit"}, {"deadletters", "list"}, {"trail"}, {"listen"}, {"load", "browse"}} {
		t.Run(strings.Join(args, " ")+" fails and says how to start", func(t *testing.T) {
			t.Parallel()
			r := souk(t, args...).requireExitCode(t, 1).requireStderr(t, "no system runs in .souk", "make up")
			if r.stdout != "" {
				t.Errorf("something is on stdout: %s", r.stdout)
			}
		})
	}
	t.Run("a system that was killed left its lock file, and is not running", func(t *testing.T) {
		t.Parallel()
		stateDir := t.TempDir()
		// The id of another process, which must not be stopped.
		holder, err := json.Marshal(map[string]any{"pid": os.Getpid(), "control": filepath.Join(stateDir, "control.sock")})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(stateDir, "souk.lock"), holder, 0o600); err != nil {
			t.Fatal(err)
		}
		souk(t, "down", "--state-dir", stateDir).requireExitCode(t, 0).requireStderr(t, "nothing runs")
	})
}

func TestUpThatCannotStart(t *testing.T) {
	t.Parallel()
	t.Run("a port in use is named, with another one to take", func(t *testing.T) {
		t.Parallel()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		souk(t, "up", "--port", port).requireExitCode(t, 1).requireStderr(t, "port "+port+" is in use", "--port ")
	})
	for name, url := range map[string]string{
		"an unreadable database URL":  "mysql://souk:hunter2@127.0.0.1:port/",
		"a URL of another database":   "postgres://souk:hunter2@127.0.0.1:5432/",
		"a server that is not there":  "mysql://souk:hunter2@127.0.0.1:1/",
		"a DSN without an end":        "souk:hunter2@tcp(127.0.0.1:3306",
		"a URL that names no account": "mysql://127.0.0.1:3306/",
	} {
		t.Run(name+" fails, and no password is shown", func(t *testing.T) {
			t.Parallel()
			r := souk(t, "up", "--port", "0", "--database-url", url).requireExitCode(t, 1).requireStderr(t, "DATABASE_URL")
			if strings.Contains(r.stderr, "hunter2") {
				t.Errorf("the password is shown:\n%s", r.stderr)
			}
		})
	}
	t.Run("programs that were not built are named", func(t *testing.T) {
		t.Parallel()
		alone := filepath.Join(t.TempDir(), "souk")
		if err := os.Link(filepath.Join(binDir, "souk"), alone); err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "up", "--port", "0")
		cmd.Path = alone
		finish(t, cmd).requireExitCode(t, 1).requireStderr(t, "the program of service product is missing", "make build")
	})
	t.Run("in the background, the failure is shown and passed on", func(t *testing.T) {
		t.Parallel()
		souk(t, "up", "--detach", "--port", "0", "--database-url", "mysql://souk@127.0.0.1:1/").
			requireExitCode(t, 1).requireStderr(t, "DATABASE_URL", "is the server running")
	})
	t.Run("on Cloud Run it refuses to emulate the cloud", func(t *testing.T) {
		t.Parallel()
		cmd := command(t, "up", "--port", "0")
		cmd.Env = append(cmd.Env, "K_SERVICE=souk")
		finish(t, cmd).requireExitCode(t, 1).requireStderr(t, "K_SERVICE")
	})
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	server := mustServer(t)
	given := func(t *testing.T, args ...string) *exec.Cmd {
		t.Helper()
		cmd := command(t, append([]string{"database", "--"}, args...)...)
		cmd.Env = append(cmd.Env, "DATABASE_URL="+server)
		return cmd
	}
	t.Run("a server that is given is passed on", func(t *testing.T) {
		t.Parallel()
		r := finish(t, given(t, "sh", "-c", `printf %s "$DATABASE_URL"`)).requireExitCode(t, 0)
		if r.stdout != server {
			t.Errorf("DATABASE_URL is %q", r.stdout)
		}
	})
	t.Run("the exit code is the command's", func(t *testing.T) {
		t.Parallel()
		finish(t, given(t, "sh", "-c", "exit 7")).requireExitCode(t, 7)
	})
	t.Run("a command that is not there is a failure", func(t *testing.T) {
		t.Parallel()
		finish(t, given(t, "no-such-command")).requireExitCode(t, 1).requireStderr(t, "no-such-command")
	})
	t.Run("SIGTERM reaches the command, which decides", func(t *testing.T) {
		t.Parallel()
		cmd := given(t, "sh", "-c", `trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done`)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("exit code %s, want 9", strconv.Itoa(cmd.ProcessState.ExitCode()))
		}
	})
}
