package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// listening is a souk listen that runs.
type listening struct {
	*exec.Cmd
	stdout, stderr string // files
}

// mustListen starts souk listen for a system, and waits until it listens.
func mustListen(t *testing.T, stateDir string, flags ...string) listening {
	t.Helper()
	folder := t.TempDir()
	l := listening{
		Cmd:    command(t, append([]string{"listen", "--state-dir", stateDir}, flags...)...),
		stdout: filepath.Join(folder, "stdout"), stderr: filepath.Join(folder, "stderr"),
	}
	for path, stream := range map[string]*io.Writer{l.stdout: &l.Stdout, l.stderr: &l.Stderr} {
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		*stream = file
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if l.ProcessState == nil { // the test failed before it stopped it
			_ = l.Process.Kill()
			_ = l.Wait()
		}
	})
	waitFor(t, "souk listen listens", func() bool {
		text := mustRead(t, l.stderr)
		if strings.Contains(text, "souk: ") {
			t.Fatalf("souk listen failed:\n%s", text)
		}
		return secretPattern.MatchString(text)
	})
	return l
}

var secretPattern = regexp.MustCompile(`(?m)^whsec_\S+$`)

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustStop ends souk listen as Ctrl-C does, and returns what it has printed.
func (l listening) mustStop(t *testing.T) (stdout, stderr string) {
	t.Helper()
	mustSignal(t, l.Cmd, syscall.SIGINT)
	if err := l.Wait(); err != nil {
		t.Errorf("souk listen: %v", err)
	}
	return mustRead(t, l.stdout), mustRead(t, l.stderr)
}

// mustFindFreePort returns a port that no program uses.
func mustFindFreePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}

// testListen forwards a test event of a running system to a program, and requires that webhooks are deleted, also
// those of a souk listen that was killed.
func testListen(t *testing.T, stateDir string) {
	t.Helper()
	type request struct {
		body   []byte
		header http.Header
	}
	requests := make(chan request, 10)
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- request{body, r.Header}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(program.Close)

	port := mustFindFreePort(t)
	killed := mustListen(t, stateDir, "--port", port)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := killed.Wait(); err == nil {
		t.Error("souk listen was killed and has succeeded")
	}
	l := mustListen(t, stateDir, "--port", port, "--forward", program.URL+"/hook", "--test", "--bodies")
	var event struct{ ID, Type string }
	waitFor(t, "the event is forwarded", func() bool { return len(requests) > 0 })
	got := <-requests
	err := json.Unmarshal(got.body, &event)
	verifier, errSecret := standardwebhooks.NewWebhook(secretPattern.FindString(mustRead(t, l.stderr)))
	if err == nil && errSecret == nil {
		err = verifier.Verify(got.body, got.header)
	}
	if err := errors.Join(err, errSecret); err != nil || event.Type != "webhook.test" {
		t.Errorf("the program has received %s: %v", got.body, err)
	}
	waitFor(t, "the event is printed", func() bool { return strings.Contains(mustRead(t, l.stdout), "\n") })
	stdout, stderr := l.mustStop(t)
	if !strings.Contains(stdout, "webhook.test") || !strings.Contains(stdout, event.ID+"  202  ") || !strings.Contains(stdout, string(got.body)) {
		t.Errorf("stdout: %s", stdout)
	}
	if !strings.Contains(stderr, "which an earlier souk listen has left") || !strings.Contains(stderr, "is deleted") {
		t.Errorf("stderr: %s", stderr)
	}
	deletions := souk(t, "trail", "--resource", "webhook", "--operation", "webhook-delete", "--state-dir", stateDir).requireExitCode(t, 0)
	if n := strings.Count(deletions.stdout, "webhook-delete"); n != 2 {
		t.Errorf("%d webhooks were deleted, want that of the killed one and the own:\n%s", n, deletions.stdout)
	}
	souk(t, "listen", "--state-dir", stateDir, "--events", "order.lost").requireExitCode(t, 1).requireStderr(t, "body.eventTypes")
}
