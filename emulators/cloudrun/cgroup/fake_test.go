package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustFake creates a root with files.
func mustFake(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files[fmt.Sprintf("proc/%d/stat", os.Getpid())] = "1 (a (b) c) S " + strings.Repeat("0 ", 18) + "4711 0 0"
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const mountLines = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 /machine /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

func version1() map[string]string {
	return map[string]string{
		"proc/self/cgroup":                "8:memory:/machine/souk\n3:cpu:/\n0::/\n",
		"proc/self/mountinfo":             mountLines,
		"sys/fs/cgroup/cpu/tasks":         "",
		"sys/fs/cgroup/memory/souk/tasks": "",
	}
}

func version2() map[string]string {
	return map[string]string{
		"proc/self/cgroup":                           "0::/user/souk\n",
		"proc/self/mountinfo":                        "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/user/souk/cgroup.procs":       fmt.Sprintln(os.Getpid()),
		"sys/fs/cgroup/user/souk/cgroup.controllers": "cpuset cpu memory pids\n",
	}
}

// mustReadFiles returns the files below a folder.
func mustReadFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(text)
	}
	return files
}

// mustGroup creates a group on a fake, where the folder of the check can't be removed, since its
// files are regular ones.
func mustGroup(t *testing.T, root string) *Group {
	t.Helper()
	mounts, err := readMounts(root)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{root: root, prefix: "souk-1-4711-"}
	if m.layout, err = mounts.layout(); err != nil {
		t.Fatal(err)
	}
	g, err := m.New("order-place", 256<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.quota.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := g.Add(99); err != nil {
		t.Fatal(err)
	}
	if err := g.SetCPU(0); err != nil {
		t.Fatal(err)
	}
	if err := g.LowerPriority(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(g.name, "souk-1-4711-") || !strings.HasSuffix(g.name, "-order-place") {
		t.Errorf("name = %s", g.name)
	}
	return g
}

func TestFilesOfVersion1(t *testing.T) {
	t.Parallel()
	root := mustFake(t, version1())
	g := mustGroup(t, root)
	if diff := cmp.Diff(map[string]string{"cgroup.procs": "99", "memory.limit_in_bytes": "268435456"},
		mustReadFiles(t, filepath.Join(root, "sys/fs/cgroup/memory/souk", g.name))); diff != "" {
		t.Errorf("memory (-want +got):\n%s", diff)
	}
	// A regular file has the rest of the quota of 100000 behind 1000.
	if diff := cmp.Diff(map[string]string{"cgroup.procs": "99", "cpu.cfs_quota_us": "100000", "cpu.shares": "128"},
		mustReadFiles(t, filepath.Join(root, "sys/fs/cgroup/cpu", g.name))); diff != "" {
		t.Errorf("CPU (-want +got):\n%s", diff)
	}
	if err := write(g.file(g.memory, "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"); err != nil {
		t.Fatal(err)
	}
	if err := write(g.file(g.memory, "memory.max_usage_in_bytes"), "4096\n"); err != nil {
		t.Fatal(err)
	}
	if kills, peak := g.Memory(); kills != 2 || peak != 4096 {
		t.Errorf("kills, peak = %d, %d, want 2, 4096", kills, peak)
	}
}

func TestFilesOfVersion2(t *testing.T) {
	t.Parallel()
	root := mustFake(t, version2())
	g := mustGroup(t, root)
	// A regular file has the end of the first quota, "100000 100000", behind the second.
	if diff := cmp.Diff(map[string]string{"cgroup.procs": "99", "memory.max": "268435456", "cpu.max": "1000 10000000", "cpu.weight": "12"},
		mustReadFiles(t, filepath.Join(root, "sys/fs/cgroup/user/souk", g.name))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another system":      {map[string]string{}, "exist on Linux only"},
		"nothing mounted":     {map[string]string{"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": ""}, "no control groups for CPU and memory are mounted"},
		"missing controllers": {without(version2(), "sys/fs/cgroup/user/souk/cgroup.controllers", "pids\n"), "has no controllers for CPU and memory"},
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			t.Parallel()
			if _, err := open(mustFake(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %s in it", err, c.want)
			}
		})
	}
}

func without(files map[string]string, name, text string) map[string]string {
	files[name] = text
	return files
}

func TestStaleGroups(t *testing.T) {
	t.Parallel()
	files := version1()
	files["proc/77/stat"] = "77 (souk) Z " + strings.Repeat("0 ", 18) + "5 0 0"
	stale := []string{"souk-999999999-1-1-a", "souk-77-5-1-zombie", fmt.Sprintf("souk-%d-1-2-b", os.Getpid())}
	others := []string{fmt.Sprintf("souk-%d-4711-3-c", os.Getpid()), "docker", "souk-other"}
	root := mustFake(t, files)
	cpu := filepath.Join(root, "sys/fs/cgroup/cpu")
	for _, name := range append(stale, others...) {
		if err := os.Mkdir(filepath.Join(cpu, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m := &Manager{root: root, layout: layout{memory: cpu, cpu: cpu}}
	m.removeStale()
	for _, name := range stale {
		if _, err := os.Stat(filepath.Join(cpu, name)); err == nil {
			t.Errorf("%s was not removed", name)
		}
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(cpu, name)); err != nil {
			t.Errorf("%s was removed", name)
		}
	}
}
