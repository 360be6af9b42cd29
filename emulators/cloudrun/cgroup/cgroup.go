// Package cgroup limits the CPU and the memory of processes by control groups of Linux,
// version 1 or 2 (cgroups(7)).
//
// Each group is a folder beside the others in the group of this process, so that every
// instance has the weight of any other process. Its name begins with the id and the start time
// of this process, so that the next one finds what a killed one has left.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// period is the time in microseconds in which a group may use its quota of CPU time.
const period = 100_000

// minQuota is the smallest quota that the kernel accepts, in microseconds: a hundredth of a CPU.
const minQuota = 1000

// lowShare is how many times the CPU time of a group with low priority another group gets
// while CPUs are scarce.
const lowShare = 8

// layout names the files of a version.
type layout struct {
	version int
	// memory and cpu are the folders that contain the groups: one in version 2.
	memory, cpu string
	// limit, peak and events are files for memory, quota one for CPU time.
	limit, peak, events, quota string
	// quotaSuffix follows the quota in its file.
	quotaSuffix string
	// weight is the file of a group's share of scarce CPUs, and lowWeight that of a group
	// with low priority.
	weight    string
	lowWeight int
}

// folders returns the folders that contain the groups.
func (l layout) folders() []string { return slices.Compact([]string{l.memory, l.cpu}) }

// groups is the number of groups of this process so far, for their names.
var groups atomic.Int64

// Manager creates groups.
type Manager struct {
	layout
	root    string
	prefix  string
	release func() error
}

// Open returns a manager if this process may limit others. The error says why not. It removes
// groups that a killed process has left.
func Open() (*Manager, error) { return open("/") }

func open(root string) (*Manager, error) {
	m := &Manager{root: root, release: func() error { return nil }}
	mounts, err := readMounts(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("control groups exist on Linux only")
	}
	if err != nil {
		return nil, err
	}
	if m.layout, err = mounts.layout(); err != nil {
		return nil, err
	}
	begun, alive := m.started(os.Getpid())
	if !alive {
		return nil, errors.New("read the start time of this process")
	}
	m.prefix = fmt.Sprintf("souk-%d-%s-", os.Getpid(), begun)
	if m.version == 2 {
		if m.release, err = m.delegate(); err != nil {
			return nil, advise(err)
		}
	}
	m.removeStale()
	if err := m.try(); err != nil {
		return nil, advise(errors.Join(err, m.release()))
	}
	return m, nil
}

func advise(err error) error {
	return fmt.Errorf("%w (run it as root, or by: systemd-run --user --scope -p Delegate=yes souk up)", err)
}

// try creates a group, as a check.
func (m *Manager) try() error {
	g, err := m.New("check", 64<<20, 1)
	if err != nil {
		return err
	}
	return g.Remove()
}

// Version returns the version of control groups: 1 or 2.
func (m *Manager) Version() int { return m.version }

// Close ends the use of groups, which must have been removed.
func (m *Manager) Close() error { return m.release() }

// removeStale removes the groups of processes that do not exist any more. A group that can't
// be removed has processes, which do no harm.
func (m *Manager) removeStale() {
	for _, folder := range m.folders() {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			words := strings.SplitN(entry.Name(), "-", 4)
			if len(words) < 4 || words[0] != "souk" {
				continue
			}
			pid, err := strconv.Atoi(words[1])
			if err != nil {
				continue
			}
			if begun, alive := m.started(pid); !alive || begun != words[2] {
				_ = os.Remove(filepath.Join(folder, entry.Name()))
			}
		}
	}
}

// started returns the start time of a process, field 22 of proc_pid_stat(5), and whether it
// runs: a killed process is a zombie until its parent reads its exit status.
func (m *Manager) started(pid int) (begun string, alive bool) {
	text, err := os.ReadFile(filepath.Join(m.root, "proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", false
	}
	// The second field is the program's name in parentheses, which may contain any character.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" {
		return "", false
	}
	return string(fields[22-3]), true
}

// Group is a group of one instance.
type Group struct {
	layout
	name string

	mu    sync.Mutex
	quota *os.File // nil after Remove
}

// New creates a group with a limit of memory in bytes and of CPU in CPUs.
func (m *Manager) New(name string, memory int64, cpus float64) (*Group, error) {
	g := &Group{layout: m.layout, name: m.prefix + strconv.FormatInt(groups.Add(1), 10) + "-" + name}
	if err := g.create(memory, cpus); err != nil {
		return nil, errors.Join(fmt.Errorf("create a control group: %w", err), g.Remove())
	}
	return g, nil
}

func (g *Group) create(memory int64, cpus float64) error {
	for _, folder := range g.folders() {
		if err := os.Mkdir(filepath.Join(folder, g.name), 0o750); err != nil {
			return err
		}
	}
	if err := write(g.file(g.memory, g.limit), strconv.FormatInt(memory, 10)); err != nil {
		return err
	}
	var err error
	if g.quota, err = os.OpenFile(g.file(g.cpu, g.layout.quota), os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return g.SetCPU(cpus)
}

// Folders returns the folders of the group.
func (g *Group) Folders() []string {
	folders := g.folders()
	for i := range folders {
		folders[i] = filepath.Join(folders[i], g.name)
	}
	return folders
}

func (g *Group) file(folder, name string) string { return filepath.Join(folder, g.name, name) }

func write(file, value string) error { return os.WriteFile(file, []byte(value), 0o600) }

// Add puts a process into the group.
func (g *Group) Add(pid int) error {
	for _, folder := range g.folders() {
		if err := write(g.file(folder, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("add process %d to its control group: %w", pid, err)
		}
	}
	return nil
}

// SetCPU sets the number of CPUs that the group may use: 0.01 at least.
func (g *Group) SetCPU(cpus float64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.quota == nil {
		return nil
	}
	quota := max(minQuota, int64(math.Round(cpus*period)))
	if _, err := g.quota.WriteAt([]byte(strconv.FormatInt(quota, 10)+g.quotaSuffix), 0); err != nil {
		return fmt.Errorf("set the CPU quota of a control group: %w", err)
	}
	return nil
}

// LowerPriority lets processes outside of the group use scarce CPUs first: an eighth of the
// usual share remains.
func (g *Group) LowerPriority() error {
	if err := write(g.file(g.cpu, g.weight), strconv.Itoa(g.lowWeight)); err != nil {
		return fmt.Errorf("lower the priority of a control group: %w", err)
	}
	return nil
}

// Memory returns how often the kernel killed a process of the group for its memory, and the
// most memory that the group has used.
func (g *Group) Memory() (oomKills, peak int64) {
	text, err := os.ReadFile(g.file(g.memory, g.events))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			oomKills = number(value)
		}
	}
	if text, err = os.ReadFile(g.file(g.memory, g.peak)); err == nil {
		peak = number(string(text))
	}
	return oomKills, peak
}

func number(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// removalTimeout is how long the kernel may take to count an ended process as gone.
const removalTimeout = time.Second

// Remove removes the group, whose processes must have ended.
func (g *Group) Remove() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var errs []error
	if g.quota != nil {
		errs = append(errs, g.quota.Close())
		g.quota = nil
	}
	for _, folder := range g.folders() {
		errs = append(errs, remove(filepath.Join(folder, g.name)))
	}
	return errors.Join(errs...)
}

func remove(folder string) error {
	for deadline := time.Now().Add(removalTimeout); ; {
		err := os.Remove(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
