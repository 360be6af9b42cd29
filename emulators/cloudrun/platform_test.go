package cloudrun

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/emulators/transport"
	"souk/shared/manifest"
)

func TestStart(t *testing.T) {
	t.Parallel()
	t.Run("Start names every missing binary", func(t *testing.T) {
		t.Parallel()
		list := greeter()
		list.Functions = append(list.Functions, manifest.Function{Name: "bye", Service: "leaver"})
		_, err := Start(t.Context(), Options{Manifest: list, BinDir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "service greeter") || !strings.Contains(err.Error(), "service leaver") {
			t.Errorf("want both services in the error, got %v", err)
		}
	})
	t.Run("Start starts no process", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		status := p.Services()
		if len(status) != 1 || status[0].Name != "hello" || status[0].URL != p.URL("hello") || len(status[0].PIDs) != 0 {
			t.Errorf("got %+v", status)
		}
		if url := p.URL("unknown"); url != "" {
			t.Errorf("URL of an unknown function = %q, want none", url)
		}
	})
}

func TestFirstRequests(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	pids := make([]string, 20)
	var requests sync.WaitGroup
	for i := range pids {
		requests.Go(func() {
			a, err := p.do(http.MethodPost, "/pid", "")
			if err != nil || a.status != http.StatusOK {
				t.Errorf("got %+v, %v", a, err)
			}
			pids[i] = a.body
		})
	}
	requests.Wait()
	running := p.pids()
	if len(running) != 1 {
		t.Fatalf("want one instance, got %v", running)
	}
	for _, pid := range pids {
		if pid != strconv.Itoa(running[0]) {
			t.Errorf("response of process %s, want %d", pid, running[0])
		}
	}
}

func TestEnvironmentIsTheContractAndNoMore(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "plain")
	var list []string
	if err := json.Unmarshal([]byte(p.mustDo(t, http.MethodGet, "/environment", "").body), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"K_SERVICE": "hello", "K_CONFIGURATION": "hello", "FUNCTION_TARGET": "hello", "GOMAXPROCS": "1", childVariable: "plain",
	} {
		if got[name] != want {
			t.Errorf("%s=%s, want %s", name, got[name], want)
		}
	}
	if !strings.HasPrefix(got["K_REVISION"], "hello-00001-") || got["PORT"] == "" {
		t.Errorf("K_REVISION=%s PORT=%s", got["K_REVISION"], got["PORT"])
	}
	known := []string{"K_SERVICE", "K_CONFIGURATION", "K_REVISION", "FUNCTION_TARGET", "PORT", "GOMAXPROCS", childVariable, "PATH", "HOME", "TMPDIR"}
	for name := range got {
		if !slices.Contains(known, name) {
			t.Errorf("an instance has our %s", name)
		}
	}
	if os.Getenv(leakVariable) == "" {
		t.Errorf("the test has no %s to leak", leakVariable)
	}
}

func TestRequestsPassUnchanged(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "")
	a := p.mustDo(t, http.MethodPost, "/echo", "the body")
	if a.body != "the body" || a.header.Get("X-Seen-Host") != strings.TrimPrefix(p.URL("hello"), "http://") ||
		a.header.Get("X-Seen-Forwarded-For") != "127.0.0.1" {
		t.Errorf("got %+v", a)
	}
}

func TestDeath(t *testing.T) {
	t.Parallel()
	t.Run("an idle instance that died is replaced", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		first := p.mustPID(t)
		mustKill(t, first, syscall.SIGKILL)
		if second := p.mustPID(t); second == first {
			t.Errorf("response of the dead process %d", first)
		}
		waitUntil(t, "the death is logged", func() bool { return strings.Contains(p.log.String(), "signal: killed") })
	})
	t.Run("a request that was not accepted is sent to another instance, whatever its method", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		first := p.mustPID(t)
		mustStopListening(t, p)
		a := p.mustDo(t, http.MethodPost, "/pid", "{}")
		if a.status != http.StatusOK || a.body == strconv.Itoa(first) {
			t.Errorf("got %+v", a)
		}
		waitUntil(t, "only the new one runs", func() bool {
			pids := p.pids()
			return len(pids) == 1 && pids[0] != first
		})
	})
	t.Run("a read during which its instance died is repeated", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		a := p.mustDo(t, http.MethodGet, "/die-once?marker="+filepath.Join(t.TempDir(), "died"), "")
		if a.status != http.StatusOK || a.body != "alive" {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("a request during which every instance died ends with 503", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		requireUnavailable(t, p.mustDo(t, http.MethodGet, "/die", ""))
	})
	t.Run("a write during which its instance died ends with 503 and is not repeated", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "")
		marker := filepath.Join(t.TempDir(), "died")
		a := p.mustDo(t, http.MethodPost, "/die-once?marker="+marker, "{}")
		requireUnavailable(t, a)
		if retry := a.header.Get("Retry-After"); retry != "" {
			t.Errorf("Retry-After = %s for a request that may have been processed, want none", retry)
		}
		if a := p.mustDo(t, http.MethodPost, "/die-once?marker="+marker, "{}"); a.status != http.StatusOK {
			t.Errorf("next response = %+v", a)
		}
	})
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "crash")
	s := p.byName["hello"]
	for range 2 {
		s.mu.Lock()
		s.notBefore = time.Time{}
		s.mu.Unlock()
		requireUnavailable(t, p.mustDo(t, http.MethodPost, "/pid", "{}"))
	}
	if log := p.log.String(); !strings.Contains(log, "no database: the cause of the crash") || !strings.Contains(log, "exit status 7") {
		t.Errorf("the log lacks the cause: %s", log)
	}
	s.mu.Lock()
	paused := s.notBefore.After(time.Now().Add(-firstBackoff)) && s.useless == 2
	s.notBefore = time.Now().Add(time.Hour)
	s.mu.Unlock()
	if !paused {
		t.Errorf("no pause after two failed instances: %d, %s", s.useless, s.notBefore)
	}
	a := p.mustDo(t, http.MethodGet, "/pid", "")
	requireUnavailable(t, a)
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after < 3500 || after > 3600 {
		t.Errorf("Retry-After: %q, want almost an hour", a.header.Get("Retry-After"))
	}
	if s.started != 2 {
		t.Errorf("%d instances were started, want 2: none during the pause", s.started)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	want := []time.Duration{0, 0, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}
	for useless, want := range want {
		if got := backoffAfter(useless); got != want {
			t.Errorf("after %d: %s, want %s", useless, got, want)
		}
	}
	if got := backoffAfter(1000); got != maxBackoff {
		t.Errorf("after 1000: %s, want %s", got, maxBackoff)
	}
}

func TestInstanceThatNeverListens(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "deaf", func(o *Options) { o.StartTimeout = 20 * time.Millisecond })
	requireUnavailable(t, p.mustDo(t, http.MethodGet, "/pid", ""))
	if log := p.log.String(); !strings.Contains(log, "did not listen on PORT=") {
		t.Errorf("the log lacks the timeout: %s", log)
	}
	if pids := p.pids(); len(pids) != 0 {
		t.Errorf("still running: %v", pids)
	}
}

// mustStopListening makes the instance refuse new connections.
func mustStopListening(t *testing.T, p *platform) {
	t.Helper()
	port, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := port.release(); err != nil {
			t.Error(err)
		}
	})
	s := p.byName["hello"]
	s.mu.Lock()
	defer s.mu.Unlock()
	inst := s.instances[0]
	inst.transport.CloseIdleConnections()
	inst.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port.number))
	inst.transport = transport.NewHost(inst.address, time.Second)
}

func requireUnavailable(t *testing.T, a result) {
	t.Helper()
	var problem struct {
		Code    string
		TraceID string
	}
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatalf("parse the problem in %+v: %v", a, err)
	}
	if a.status != http.StatusServiceUnavailable || a.header.Get("Content-Type") != "application/problem+json" ||
		problem.Code != "unavailable" || problem.TraceID == "" {
		t.Fatalf("want a 503 problem, got %+v", a)
	}
}

func mustKill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("signal %s to %d: %v", signal, pid, err)
	}
}
