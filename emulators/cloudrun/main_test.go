package cloudrun

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// The test binary is also the service's binary: it runs as an instance if K_SERVICE is set,
// with the behavior named in CHILD.
const (
	childVariable  = "CHILD"
	parentVariable = "CLOUDRUN_TEST_PARENT_BINDIR"
	leakVariable   = "CLOUDRUN_TEST_SECRET"

	insideRequest = "a request is inside"
	wasProbed     = "responded to a probe"
	// wasAskedToStart is printed for each startup probe of an instance of waitsFor.
	wasAskedToStart = "responded to a startup probe"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv("K_SERVICE") != "":
		os.Exit(childMain(os.Getenv(childVariable)))
	case os.Getenv(parentVariable) != "":
		os.Exit(parentMain(os.Getenv(parentVariable)))
	}
	if err := os.Setenv(leakVariable, "not for instances"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// lines is a log that tests can read while it is being written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// platform is a platform with one function, "hello" of service "greeter".
type platform struct {
	*Platform
	printed *lines // output of the instances
	log     *lines // of the platform
	client  *http.Client
}

func greeter() *manifest.Manifest {
	return &manifest.Manifest{Functions: []manifest.Function{{Name: "hello", Service: "greeter", HTTP: "GET /hello"}}}
}

// quickWindows are windows with short ticks. That of CPU is long, because the CPU time of a
// process is known in hundredths of a second.
func quickWindows(idle time.Duration) Windows {
	tick := min(idle, time.Millisecond)
	return Windows{CPU: 5 * time.Second, Concurrency: tick, Tick: tick, Idle: idle}
}

func mustBinDir(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "greeter")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustStart starts a platform whose instances have the named behavior. It is stopped at the
// end of the test.
func mustStart(t testing.TB, behaviour string, change ...func(*Options)) *platform {
	t.Helper()
	p := &platform{printed: &lines{}, log: &lines{}}
	options := Options{
		Manifest: greeter(),
		BinDir:   mustBinDir(t),
		Env:      func(manifest.Function) []string { return []string{childVariable + "=" + behaviour, "K_SERVICE=forged"} },
		Logs:     p.printed,
		Logger:   telemetry.NewLogger(p.log),
	}
	for _, c := range change {
		c(&options)
	}
	var err error
	if p.Platform, err = Start(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	p.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		now, cancel := context.WithCancel(context.Background())
		cancel()
		// Running requests are aborted; tests that check for it call Stop themselves.
		_ = p.Stop(now)
	})
	return p
}

type result struct {
	status int
	header http.Header
	body   string
}

// do sends a request to the function.
func (p *platform) do(method, path, body string) (result, error) {
	if body == "" {
		return p.send(method, path, nil)
	}
	return p.send(method, path, strings.NewReader(body))
}

func (p *platform) send(method, path string, body io.Reader) (result, error) {
	r, err := http.NewRequest(method, p.URL("hello")+path, body)
	if err != nil {
		return result{}, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return result{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return result{response.StatusCode, response.Header, string(text)}, err
}

func (p *platform) mustDo(t testing.TB, method, path, body string) result {
	t.Helper()
	a, err := p.do(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mustPID returns the id of the process that responds.
func (p *platform) mustPID(t testing.TB) int {
	t.Helper()
	a := p.mustDo(t, http.MethodGet, "/pid", "")
	var pid int
	if _, err := fmt.Sscan(a.body, &pid); err != nil {
		t.Fatalf("parse a pid in %+v: %v", a, err)
	}
	return pid
}

func (p *platform) pids() []int { return p.Services()[0].PIDs }

// waitUntil waits until a condition holds.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("timeout: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
