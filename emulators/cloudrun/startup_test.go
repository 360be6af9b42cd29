package cloudrun

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/manifest"
)

// waitsFor makes instances start when a file is gone, which it returns.
func waitsFor(t *testing.T, o *Options) string {
	t.Helper()
	marker := filepath.Join(t.TempDir(), "marker")
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := o.Env
	o.Env = func(f manifest.Function) []string { return append(env(f), "STARTS_WHEN_GONE="+marker) }
	return marker
}

func TestStartupProbe(t *testing.T) {
	t.Parallel()
	t.Run("holds requests until the instance has started", func(t *testing.T) {
		t.Parallel()
		marker := ""
		p := mustStart(t, "", func(o *Options) {
			marker = waitsFor(t, o)
			o.Startup = Startup{Period: time.Millisecond, Failures: 1 << 30}
		})
		responses := make(chan result, 1)
		go func() { responses <- p.mustDo(t, http.MethodPost, "/echo", "body") }()
		waitUntil(t, "it was probed three times", func() bool { return strings.Count(p.printed.String(), wasAskedToStart) >= 3 })
		select {
		case a := <-responses:
			t.Errorf("got %+v from an instance that has not started", a)
		default:
		}
		if err := os.Remove(marker); err != nil {
			t.Fatal(err)
		}
		if a := <-responses; a.status != http.StatusOK {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("ends an instance that does not start", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			waitsFor(t, o)
			o.Startup = Startup{Period: time.Millisecond, Failures: 3}
		})
		requireUnavailable(t, p.mustDo(t, http.MethodGet, "/pid", ""))
		if text := p.log.String(); !strings.Contains(text, "its startup probe failed 3 times") {
			t.Errorf("the log is %s", text)
		}
		if pids := p.pids(); len(pids) != 0 {
			t.Errorf("still running: %v", pids)
		}
	})
	t.Run("does not come to a function without a database", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			waitsFor(t, o)
			o.Startup = Startup{Period: time.Millisecond, Failures: 1}
			for i := range o.Manifest.Functions {
				o.Manifest.Functions[i].Database = manifest.NoDatabase
			}
		})
		p.mustPID(t)
		if strings.Contains(p.printed.String(), wasAskedToStart) {
			t.Error("it was probed")
		}
	})
}

// TestStartupOfTheCloud compares the defaults with what Terraform configures.
func TestStartupOfTheCloud(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../terraform/cloud_run.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "startup_probe {")
	if !found {
		t.Fatal("terraform/cloud_run.tf has no startup_probe")
	}
	number := func(name string) int {
		match := regexp.MustCompile(name + `\s*=\s*(\d+)`).FindStringSubmatch(block)
		if match == nil {
			t.Fatalf("the startup probe has no %s", name)
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := Startup{
		Period:   time.Duration(number("period_seconds")) * time.Second,
		Timeout:  time.Duration(number("timeout_seconds")) * time.Second,
		Failures: number("failure_threshold"),
	}
	if diff := cmp.Diff(want, Startup{}.withDefaults()); diff != "" {
		t.Errorf("(-cloud +defaults):\n%s", diff)
	}
}
