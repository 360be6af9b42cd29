package cgroup_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/emulators/cloudrun/cgroup"
)

// childVariable makes the test binary a child that waits for a line and then uses memory or
// CPU without end.
const childVariable = "CGROUP_TEST_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVariable); kind != "" {
		var line string
		_, _ = fmt.Scanln(&line)
		var blocks [][]byte
		for n := 0; len(blocks) < 1024; n++ { // MiB, unless it is killed before
			if kind == "memory" {
				block := make([]byte, 1<<20)
				for i := range block {
					block[i] = byte(i)
				}
				blocks = append(blocks, block)
			}
			_ = fmt.Sprint(len(blocks), n)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func mustOpen(t *testing.T) *cgroup.Manager {
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
	return m
}

// mustStart starts a child in a new group. It waits until begin is called.
func mustStart(t *testing.T, m *cgroup.Manager, kind string, cpus float64) (g *cgroup.Group, child *exec.Cmd, begin func()) {
	t.Helper()
	g, err := m.New(kind, 64<<20, cpus)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child = exec.Command(self)
	child.Env = []string{childVariable + "=" + kind}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(child.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return g, child, func() {
		if _, err := fmt.Fprintln(stdin, "begin"); err != nil {
			t.Error(err)
		}
	}
}

func requireKilled(t *testing.T, child *exec.Cmd) {
	t.Helper()
	exit, ok := errors.AsType[*exec.ExitError](child.Wait())
	if !ok {
		t.Fatal("the child was not killed")
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by %s, want SIGKILL", exit)
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	g, child, begin := mustStart(t, mustOpen(t), "memory", 1)
	if kills, _ := g.Memory(); kills != 0 {
		t.Errorf("%d kills before the limit", kills)
	}
	begin()
	requireKilled(t, child)
	if kills, peak := g.Memory(); kills != 1 || peak < 60<<20 || peak > 65<<20 {
		t.Errorf("kills, peak = %d, %d, want 1 at 64 MiB", kills, peak)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}

func TestCPULimit(t *testing.T) {
	t.Parallel()
	m := mustOpen(t)
	g, child, begin := mustStart(t, m, "cpu", 0.1)
	begin()
	// cpu.stat counts the periods in which the group was stopped for the rest of the period.
	stat := g.StatFile()
	deadline := time.After(20 * time.Second)
	for throttled := "nr_throttled 0\n"; strings.Contains(throttled, "nr_throttled 0\n"); {
		text, err := os.ReadFile(stat)
		if err != nil {
			t.Fatal(err)
		}
		throttled = string(text)
		select {
		case <-deadline:
			t.Fatalf("%s: %s", stat, throttled)
		case <-time.After(time.Millisecond):
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	requireKilled(t, child)
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(stat)); err == nil {
		t.Errorf("%s still exists", filepath.Dir(stat))
	}
	if err := g.SetCPU(1); err != nil {
		t.Errorf("set the quota of a removed group: %v", err)
	}
}

func BenchmarkSetCPU(b *testing.B) {
	m, err := cgroup.Open()
	if err != nil {
		b.Skip(err)
	}
	g, err := m.New("bench", 64<<20, 1)
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		if err := g.SetCPU(float64(n % 2)); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(g.Remove(), m.Close()); err != nil {
		b.Fatal(err)
	}
}
