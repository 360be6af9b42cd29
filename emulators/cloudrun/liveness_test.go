package cloudrun

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mustHang stops a process and waits until it does not run any more.
func mustHang(t *testing.T, pid int) {
	t.Helper()
	mustKill(t, pid, syscall.SIGSTOP)
	waitUntil(t, "the process is stopped", func() bool {
		state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		// On a slow machine it may have been replaced in the meantime.
		return err == nil && strings.HasPrefix(string(state), "T") || syscall.Kill(pid, 0) != nil
	})
}

// TestHungInstance stops an instance, which is then like a hung program: it exists, accepts
// connections and never responds.
func TestHungInstance(t *testing.T) {
	t.Parallel()
	quick := func(o *Options) {
		o.Liveness = Liveness{Period: 20 * time.Millisecond, Timeout: 200 * time.Millisecond, Failures: 3}
	}
	t.Run("a hung instance is replaced, and a read is sent to the next", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", quick)
		pid := p.mustPID(t)
		mustHang(t, pid)
		if again := p.mustPID(t); again == pid {
			t.Errorf("the stopped process %d responds", pid)
		}
		waitUntil(t, "the hung process has ended", func() bool { return syscall.Kill(pid, 0) != nil })
		if log := p.log.String(); strings.Count(log, "liveness probe failed") < 3 || !strings.Contains(log, "does not respond: kill it") {
			t.Errorf("the log is %s", log)
		}
	})
	t.Run("a write to a hung instance ends with 503", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", quick)
		mustHang(t, p.mustPID(t))
		if a := p.mustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusServiceUnavailable {
			t.Errorf("got %+v", a)
		}
		if a := p.mustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusOK {
			t.Errorf("next response = %+v", a)
		}
	})
	t.Run("a hung instance is replaced without a request", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", quick)
		mustHang(t, p.mustPID(t))
		waitUntil(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
	})
}

func TestLivenessProbes(t *testing.T) {
	t.Parallel()
	probes := func(p *platform) int { return strings.Count(p.printed.String(), wasProbed) }
	t.Run("probes do not replace an idle instance", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			o.Liveness = Liveness{Period: time.Millisecond, Timeout: 30 * time.Second, Failures: 1}
		})
		pid := p.mustPID(t)
		waitUntil(t, "it was probed ten times", func() bool { return probes(p) >= 10 })
		if again := p.mustPID(t); again != pid {
			t.Errorf("process %d was replaced by %d", pid, again)
		}
	})
	t.Run("probes neither start an instance nor prolong its life", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) {
			o.Windows = quickWindows(100 * time.Millisecond)
			o.Liveness = Liveness{Period: time.Millisecond, Timeout: 30 * time.Second}
		})
		p.mustPID(t)
		waitUntil(t, "it was probed", func() bool { return probes(p) > 0 })
		waitUntil(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
		begin := time.Now()
		waitUntil(t, "a hundred periods have passed", func() bool { return time.Since(begin) > 100*time.Millisecond })
		s := p.byName["hello"]
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.started != 1 {
			t.Errorf("%d instances were started for one request", s.started)
		}
	})
	t.Run("an instance that responds within the period is not probed", func(t *testing.T) {
		t.Parallel()
		p := mustStart(t, "", func(o *Options) { o.Liveness = Liveness{Period: time.Hour} })
		p.mustPID(t)
		if silent := p.byName["hello"].instances[0].sinceResponse(); silent > time.Minute {
			t.Errorf("time since the last response = %s", silent)
		}
	})
}

// TestLivenessOfTheCloud compares the defaults with the Terraform configuration.
func TestLivenessOfTheCloud(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../terraform/cloud_run.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "liveness_probe {")
	if !found {
		t.Fatal("terraform/cloud_run.tf has no liveness_probe")
	}
	number := func(name string) int {
		match := regexp.MustCompile(name + `\s*=\s*(\d+)`).FindStringSubmatch(block)
		if match == nil {
			t.Fatalf("the liveness probe has no %s", name)
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := Liveness{
		Period:   time.Duration(number("period_seconds")) * time.Second,
		Timeout:  time.Duration(number("timeout_seconds")) * time.Second,
		Failures: number("failure_threshold"),
	}
	if diff := cmp.Diff(want, Liveness{}.withDefaults()); diff != "" {
		t.Errorf("(-cloud +defaults):\n%s", diff)
	}
}
