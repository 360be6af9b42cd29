package functions_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/testsample"
)

var everyFunction = flag.Bool("memory", false, "TestMemory measures every function, not only some a day")

// memorySample is how many functions TestMemory measures without -memory.
const memorySample = 2

// TestMemory sends each HTTP function as many requests at the same time as an instance
// gets, with the bodies that cost it most, and reads the most memory that its process
// has had: less than an instance has (scaling in functions.yaml).
func TestMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED: memory. This reads VmHWM of /proc, which is Linux's")
	}
	list := functions.Manifest()
	var measured []manifest.Function
	for _, f := range list.Functions {
		if f.HTTP != "" {
			measured = append(measured, f)
		}
	}
	if !*everyFunction && !testsample.Long() {
		// The bodies of an import take longer than a test may in `make test`.
		measured = slices.DeleteFunc(measured, func(f manifest.Function) bool { return f.Name == "product-import" })
		measured = testsample.Of(t, measured, memorySample)
	}
	binaries := map[string]string{} // by service
	for _, f := range measured {
		if binaries[f.Service] == "" {
			binaries[f.Service] = MustBuild(t, f.Service)
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			measureMemory(t, binaries[f.Service], f, list.ScalingOf(f))
		})
	}
}

func measureMemory(t *testing.T, binary string, f manifest.Function, scaling manifest.Scaling) {
	tokens := functiontest.NewTokens(t)
	settings := environment(t)
	maps.Copy(settings, map[string]string{
		"DATABASE_URL":            string(dbtest.Create(t, append(function.Migrations(), services[f.Service].migrations)...)),
		"DATABASE_MAX_OPEN_CONNS": strconv.Itoa(scaling.Pool),
		"GOOGLE_CLOUD_PROJECT":    "souk-test",
		"PUBSUB_EMULATOR_HOST":    mustPubSub(t, f.Publishes...),
		"AUTH_JWKS_URL":           tokens.Users.KeysURL,
		"USER_PASSWORD_WAIT":      "5s",
		"FUNCTION_TARGET":         f.Name,
		"GOMAXPROCS":              "1",
		"GOMEMLIMIT":              scaling.GoMemLimit(),
		"LOG_LEVEL":               "ERROR",
	})
	var pairs []string
	for name, value := range settings {
		pairs = append(pairs, name+"="+value)
	}
	p := MustRun(t, binary, pairs...)
	p.mustListen(t)
	idle := p.mustPeak(t)
	load := memoryLoad{url: p.url, function: f, token: tokens.Admin(t), concurrency: scaling.Concurrency, statuses: map[int]int{}}
	load.run(t)
	peak := p.mustPeak(t)
	t.Logf("%d requests at a time: %d MiB of %s (%d MiB before), responses %v", scaling.Concurrency, peak>>20, scaling.Memory, idle>>20, load.statuses)
	if peak >= scaling.MemoryBytes() {
		t.Errorf("%s uses %d MiB, and an instance has %s: lower its maxBody or concurrency, or raise its memory", f.Name, peak>>20, scaling.Memory)
	}
}

// memoryLoad is the load of one function's process.
type memoryLoad struct {
	url, token  string
	function    manifest.Function
	concurrency int

	mu       sync.Mutex
	statuses map[int]int // how many responses had a status
}

// run sends each body as often as an instance gets requests at the same time. Bodies of
// one kind are sent together, and no body waits for those of another kind.
func (l *memoryLoad) run(t *testing.T) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: l.concurrency, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	bodies := worstBodies(t, l.function)
	names := slices.Sorted(maps.Keys(bodies))
	var all sync.WaitGroup
	for range l.concurrency {
		all.Go(func() {
			for _, name := range names {
				if err := l.send(t, client, bodies[name]); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (l *memoryLoad) send(t *testing.T, client *http.Client, body worstBody) error {
	before, rest, found := strings.Cut(l.function.Path(), "{")
	if found {
		_, rest, _ = strings.Cut(rest, "}")
		before += uuid.NewString()
	}
	r, err := http.NewRequestWithContext(t.Context(), l.function.Method(), l.url+before+rest, bytes.NewReader(body.text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", body.media)
	if body.encoding != "" {
		r.Header.Set("Content-Encoding", body.encoding)
	}
	r.Header.Set("If-Match", "*")
	if l.function.Access != manifest.Anyone {
		r.Header.Set("Authorization", "Bearer "+l.token)
	}
	if l.function.IdempotencyRule() != manifest.NoKey {
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	size, err := io.Copy(io.Discard, response.Body)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.statuses[response.StatusCode]++
	l.mu.Unlock()
	if response.StatusCode == http.StatusBadRequest && size > 16<<10 {
		return fmt.Errorf("a body of %d bytes has a response of %d bytes", len(body.text), size)
	}
	if response.StatusCode == http.StatusInternalServerError {
		return fmt.Errorf("%d", response.StatusCode)
	}
	return nil
}

// mustPeak returns the most memory that the process has had, in bytes.
func (p *process) mustPeak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("the process ended: %v: %s", err, p.stderr.String())
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatalf("read %q: %v", line, err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no VmHWM in %s", status)
	return 0
}
