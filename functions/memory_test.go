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

var everyFunction = flag.Bool("memory", false, "TestMemory measures every function, not only a daily sample")

// memorySample is the number of functions that TestMemory measures without -memory.
const memorySample = 2

// TestMemory sends each HTTP function as many concurrent requests as an instance gets, with
// the bodies that need the most memory, and requires that the peak memory of its process
// is less than the memory of an instance (scaling in functions.yaml).
func TestMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED: memory. VmHWM is in /proc of Linux only")
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
			binaries[f.Service] = mustBuild(t, f.Service)
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
		"DATABASE_URL":            string(dbtest.Create(t, append(function.Migrations(), services[f.Service].Migrations)...)),
		"DATABASE_MAX_OPEN_CONNS": strconv.Itoa(scaling.Pool),
		"GOOGLE_CLOUD_PROJECT":    "souk-test",
		"PUBSUB_EMULATOR_HOST":    mustStartPubSub(t, f.Publishes...),
		"AUTH_JWKS_URL":           tokens.UserAuth.KeysURL,
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
	p := mustRun(t, binary, pairs...)
	p.mustListen(t)
	idle := p.mustReadPeak(t)
	load := memoryLoad{url: p.url, function: f, token: tokens.Admin(t), concurrency: scaling.Concurrency, statuses: map[int]int{}}
	load.run(t)
	peak := p.mustReadPeak(t)
	t.Logf("%d concurrent requests: %d MiB of %s (%d MiB before), responses %v", scaling.Concurrency, peak>>20, scaling.Memory, idle>>20, load.statuses)
	if peak >= scaling.MemoryBytes() {
		t.Errorf("%s uses %d MiB, but an instance has %s: lower its maxBody or concurrency, or raise its memory", f.Name, peak>>20, scaling.Memory)
	}
}

// memoryLoad generates the load on the process of one function.
type memoryLoad struct {
	url, token  string
	function    manifest.Function
	concurrency int

	mu       sync.Mutex
	statuses map[int]int // number of responses by status
}

// run sends each body as often as an instance gets concurrent requests. Each sender goes
// through the kinds in the same order, without waiting for the others.
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
	before, after, found := strings.Cut(l.function.Path(), "{")
	if found {
		_, after, _ = strings.Cut(after, "}")
		before += uuid.NewString()
	}
	r, err := http.NewRequestWithContext(t.Context(), l.function.Method(), l.url+before+after, bytes.NewReader(body.text))
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
		return fmt.Errorf("the response to a body of %d bytes has %d bytes", len(body.text), size)
	}
	if response.StatusCode == http.StatusInternalServerError {
		return fmt.Errorf("%d", response.StatusCode)
	}
	return nil
}

// mustReadPeak returns the peak memory of the process in bytes.
func (p *process) mustReadPeak(t *testing.T) int64 {
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
