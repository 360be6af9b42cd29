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
)

// MustHang stops a process, and returns when none of it runs any more.
func MustHang(t *testing.T, pid int) {
	t.Helper()
	MustKill(t, pid, syscall.SIGSTOP)
	MustBecome(t, "the process is stopped", func() bool {
		state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		// On a slow machine it may have been replaced meanwhile.
		return err == nil && strings.HasPrefix(string(state), "T") || syscall.Kill(pid, 0) != nil
	})
}

// TestHungInstance stops an instance as a program that hangs is: it exists, accepts
// connections and never responds.
func TestHungInstance(t *testing.T) {
	t.Parallel()
	quick := func(o *Options) {
		o.Liveness = Liveness{Period: 20 * time.Millisecond, Timeout: 200 * time.Millisecond, Failures: 3}
	}
	t.Run("is replaced, and a request that reads goes to the next", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", quick)
		pid := p.MustPID(t)
		MustHang(t, pid)
		if again := p.MustPID(t); again == pid {
			t.Errorf("process %d responds though it is stopped", pid)
		}
		MustBecome(t, "the hung process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
		if said := p.said.String(); strings.Count(said, "liveness probe failed") < 3 || !strings.Contains(said, "does not respond: kill it") {
			t.Errorf("the log is %s", said)
		}
	})
	t.Run("ends a request that writes with 503", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", quick)
		MustHang(t, p.MustPID(t))
		if a := p.MustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusServiceUnavailable {
			t.Errorf("got %+v", a)
		}
		if a := p.MustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusOK {
			t.Errorf("got %+v after that", a)
		}
	})
	t.Run("is replaced without a request", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", quick)
		MustHang(t, p.MustPID(t))
		MustBecome(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
	})
}

func TestLivenessProbes(t *testing.T) {
	t.Parallel()
	probes := func(p *platform) int { return strings.Count(p.printed.String(), wasProbed) }
	t.Run("leave an idle instance as it is", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) {
			o.Liveness = Liveness{Period: time.Millisecond, Timeout: 30 * time.Second, Failures: 1}
		})
		pid := p.MustPID(t)
		MustBecome(t, "it was probed ten times", func() bool { return probes(p) >= 10 })
		if again := p.MustPID(t); again != pid {
			t.Errorf("process %d was replaced by %d", pid, again)
		}
	})
	t.Run("neither start an instance nor prolong its life", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) {
			o.IdleTimeout = 100 * time.Millisecond
			o.Liveness = Liveness{Period: time.Millisecond, Timeout: 30 * time.Second}
		})
		p.MustPID(t)
		MustBecome(t, "it was probed", func() bool { return probes(p) > 0 })
		MustBecome(t, "no instance runs", func() bool { return len(p.pids()) == 0 })
		begin := time.Now()
		MustBecome(t, "a hundred periods have passed", func() bool { return time.Since(begin) > 100*time.Millisecond })
		s := p.byName["hello"]
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.started != 1 {
			t.Errorf("%d instances were started for one request", s.started)
		}
	})
	t.Run("do not come to an instance that responds within the period", func(t *testing.T) {
		t.Parallel()
		p := MustStart(t, "", func(o *Options) { o.Liveness = Liveness{Period: time.Hour} })
		p.MustPID(t)
		if silent := p.byName["hello"].silence(p.byName["hello"].instances[0]); silent > time.Minute {
			t.Errorf("it is taken to have been silent for %s", silent)
		}
	})
}

// TestLivenessOfTheCloud compares the defaults with what Terraform configures.
func TestLivenessOfTheCloud(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../terraform/run.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "liveness_probe {")
	if !found {
		t.Fatal("terraform/run.tf has no liveness_probe")
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
	if got := (Liveness{}).withDefaults(); got != want {
		t.Errorf("the defaults are %+v, the cloud has %+v", got, want)
	}
}
