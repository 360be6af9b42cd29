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

// The test binary is the service's binary as well: an instance of it finds
// K_SERVICE set, and CHILD says how it shall behave.
const (
	childVariable  = "CHILD"
	parentVariable = "CLOUDRUN_TEST_PARENT_BINDIR"
	leakVariable   = "CLOUDRUN_TEST_SECRET"

	waitsInside = "a request is inside"
	wasProbed   = "a probe was answered"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv("K_SERVICE") != "":
		os.Exit(childMain(os.Getenv(childVariable)))
	case os.Getenv(parentVariable) != "":
		os.Exit(parentMain(os.Getenv(parentVariable)))
	}
	if err := os.Setenv(leakVariable, "of no concern to an instance"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// lines is a log that tests can read while it is written.
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
	printed *lines // by the instances
	said    *lines // by the platform
	client  *http.Client
}

func greeter() *manifest.Manifest {
	return &manifest.Manifest{Functions: []manifest.Function{{Name: "hello", Service: "greeter", HTTP: "GET /hello"}}}
}

func MustBinDir(t testing.TB) string {
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

// MustStart starts a platform whose instances behave as named. It is stopped at
// the end of the test.
func MustStart(t testing.TB, behaviour string, change ...func(*Options)) *platform {
	t.Helper()
	p := &platform{printed: &lines{}, said: &lines{}}
	options := Options{
		Manifest: greeter(),
		BinDir:   MustBinDir(t),
		Env:      func(manifest.Function) []string { return []string{childVariable + "=" + behaviour, "K_SERVICE=forged"} },
		Logs:     p.printed,
		Logger:   telemetry.NewLogger(p.said),
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
		// What the test left running is cut off; a test that minds has called Stop.
		_ = p.Stop(now)
	})
	return p
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request to the function.
func (p *platform) do(method, path, body string) (answer, error) {
	if body == "" {
		return p.send(method, path, nil)
	}
	return p.send(method, path, strings.NewReader(body))
}

func (p *platform) send(method, path string, body io.Reader) (answer, error) {
	r, err := http.NewRequest(method, p.URL("hello")+path, body)
	if err != nil {
		return answer{}, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

func (p *platform) MustDo(t testing.TB, method, path, body string) answer {
	t.Helper()
	a, err := p.do(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// MustPID asks the function for the process that answers.
func (p *platform) MustPID(t testing.TB) int {
	t.Helper()
	a := p.MustDo(t, http.MethodGet, "/pid", "")
	var pid int
	if _, err := fmt.Sscan(a.body, &pid); err != nil {
		t.Fatalf("read a pid out of %+v: %v", a, err)
	}
	return pid
}

func (p *platform) pids() []int { return p.Services()[0].PIDs }

// MustBecome waits until a condition holds.
func MustBecome(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("it never became true that %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
