package cloudrun

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/emulators/cloudrun/cgroup"
	"souk/shared/manifest"
)

// mustLimit starts a platform that enforces limits of 128 MiB and one CPU.
func mustLimit(t *testing.T, change ...func(*Options)) *platform {
	t.Helper()
	m, err := cgroup.Open()
	if err != nil {
		t.Skipf("SKIPPED: this machine does not let the test limit processes: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return mustStart(t, "", append([]func(*Options){func(o *Options) {
		o.Cgroups = m
		o.Manifest.Scaling = map[manifest.Granularity]map[manifest.Kind]manifest.Scaling{manifest.PerFunction: {
			manifest.KindHTTP: {Concurrency: 80, MaxInstances: 1, CPU: "1", Memory: "128Mi", Pool: 4},
		}}
	}}, change...)...)
}

// group returns the control group of the first instance.
func (p *platform) group() *cgroup.Group {
	s := p.byName["hello"]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[0].allowance.group
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustReadQuota returns the CPU quota of a group in microseconds per 100 ms, as text.
func mustReadQuota(t *testing.T, g *cgroup.Group) string {
	t.Helper()
	folders := g.Folders()
	for _, name := range []string{"cpu.cfs_quota_us", "cpu.max"} {
		if text, err := os.ReadFile(filepath.Join(folders[len(folders)-1], name)); err == nil {
			return strings.Fields(string(text))[0]
		}
	}
	t.Fatalf("%v has no quota", folders)
	return ""
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	p := mustLimit(t)
	requireUnavailable(t, p.mustDo(t, http.MethodPost, "/grow", ""))
	waitUntil(t, "the kill is counted", func() bool { return p.status().Counters.OOMKills == 1 })
	const want = `"severity":"ERROR","message":"Memory limit of 128 MiB exceeded with 12`
	waitUntil(t, "the kill is logged", func() bool { return strings.Contains(p.printed.String(), want) })
	if a := p.mustDo(t, http.MethodPost, "/echo", "body"); a.status != http.StatusOK {
		t.Errorf("next response = %+v", a)
	}
}

func TestCPUBetweenRequests(t *testing.T) {
	t.Parallel()
	t.Run("work left after the response gets no CPU until the next request", func(t *testing.T) {
		t.Parallel()
		p := mustLimit(t)
		pid := p.mustPID(t)
		p.mustDo(t, http.MethodPost, "/leave-work", "")
		waitUntil(t, "the CPU is taken away", func() bool { return p.status().Instances[0].Throttled })
		if quota := mustReadQuota(t, p.group()); quota != "1000" {
			t.Errorf("quota = %s µs of 100 ms, want 1000", quota)
		}
		folders := p.group().Folders()
		stat := filepath.Join(folders[len(folders)-1], "cpu.stat")
		before := mustRead(t, stat)
		waitUntil(t, "the kernel stops the process", func() bool { return mustRead(t, stat) != before })
		one := mustHold(t, p, 1)
		if status := p.status().Instances[0]; status.Throttled || status.PID != pid {
			t.Errorf("instance during a request = %+v", status)
		}
		if quota := mustReadQuota(t, p.group()); quota != "200000" {
			t.Errorf("quota during a request = %s µs of 100 ms, want the boost of 200000", quota)
		}
		one[0].finish(t)
		waitUntil(t, "the CPU is taken away again", func() bool { return p.status().Instances[0].Throttled })
	})
	t.Run("probes get the CPU", func(t *testing.T) {
		t.Parallel()
		p := mustLimit(t, func(o *Options) {
			o.Liveness = Liveness{Period: 200 * time.Millisecond, Timeout: 30 * time.Second, Failures: 1}
		})
		pid := p.mustPID(t)
		waitUntil(t, "the CPU is taken away", func() bool { return p.status().Instances[0].Throttled })
		waitUntil(t, "it is probed", func() bool { return strings.Count(p.printed.String(), wasProbed) >= 2 })
		if again := p.mustPID(t); again != pid {
			t.Errorf("process %d was replaced by %d", pid, again)
		}
	})
	t.Run("SIGTERM gets the CPU", func(t *testing.T) {
		t.Parallel()
		p := mustLimit(t)
		p.mustPID(t)
		waitUntil(t, "the CPU is taken away", func() bool { return p.status().Instances[0].Throttled })
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if log := p.log.String(); strings.Contains(log, "ignores SIGTERM") {
			t.Errorf("the log is %s", log)
		}
	})
}

func TestStartupBoost(t *testing.T) {
	t.Parallel()
	p := mustLimit(t)
	one := mustHold(t, p, 1)
	if quota := mustReadQuota(t, p.group()); quota != "200000" {
		t.Errorf("quota after the start = %s µs of 100 ms, want 200000", quota)
	}
	p.byName["hello"].instances[0].allowance.endBoost(1)
	if quota := mustReadQuota(t, p.group()); quota != "100000" {
		t.Errorf("quota after the boost = %s µs of 100 ms, want 100000", quota)
	}
	one[0].finish(t)
	for cpus, want := range map[float64]float64{0.5: 2, 1: 2, 2: 4, 4: 8, 6: 8, 8: 8} {
		if got := boosted(cpus); got != want {
			t.Errorf("the boost of %v CPUs is %v, want %v", cpus, got, want)
		}
	}
}

func TestGroupsAreRemoved(t *testing.T) {
	t.Parallel()
	p := mustLimit(t)
	pid := p.mustPID(t)
	killed := p.group()
	mustKill(t, pid, syscall.SIGKILL)
	p.mustPID(t)
	stopped := p.group()
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for _, folder := range append(killed.Folders(), stopped.Folders()...) {
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s still exists", folder)
		}
	}
}

// TestLowPriority compares the share of CPUs of an instance with low priority with that of another.
func TestLowPriority(t *testing.T) {
	t.Parallel()
	for low, want := range map[bool][]string{false: {"1024", "100"}, true: {"128", "12"}} {
		t.Run(fmt.Sprintf("an instance with lowPriority: %t", low), func(t *testing.T) {
			t.Parallel()
			p := mustLimit(t, func(o *Options) {
				for i := range o.Manifest.Functions {
					o.Manifest.Functions[i].LowPriority = low
				}
			})
			p.mustDo(t, http.MethodPost, "/echo", "body")
			folders := p.group().Folders()
			folder := folders[len(folders)-1]
			share := mustReadEither(t, filepath.Join(folder, "cpu.shares"), filepath.Join(folder, "cpu.weight"))
			if !slices.Contains(want, strings.TrimSpace(share)) {
				t.Errorf("the share is %s, want %s in version 1 or 2", share, want)
			}
		})
	}
}

// mustReadEither returns the content of the first of two files if it exists, else of the second.
func mustReadEither(t *testing.T, first, second string) string {
	t.Helper()
	if text, err := os.ReadFile(first); err == nil {
		return string(text)
	}
	return mustRead(t, second)
}
