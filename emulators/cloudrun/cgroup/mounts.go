package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// mounts are the folders of this process's groups, by controller. The one of version 2 has
// the name "".
type mounts map[string]string

// readMounts combines where the hierarchies are mounted (proc_pid_mountinfo(5)) and this
// process's group in each of them (proc_pid_cgroup(5)).
func readMounts(root string) (mounts, error) {
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil, fmt.Errorf("find the control group of this process: %w", err)
	}
	paths := map[string]string{}
	for line := range strings.Lines(string(own)) { // 8:memory:/a/b
		words := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(words) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(words[1], ",") {
			paths[controller] = words[2]
		}
	}
	info, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("find the mounted control groups: %w", err)
	}
	found := mounts{}
	for line := range strings.Lines(string(info)) { // 35 31 0:32 /a /sys/fs/cgroup/memory rw - cgroup none rw,memory
		before, after, _ := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(kind) < 3 {
			continue
		}
		controllers := []string{""}
		switch kind[0] {
		case "cgroup":
			controllers = strings.Split(kind[2], ",")
		case "cgroup2":
		default:
			continue
		}
		for _, controller := range controllers {
			path, member := paths[controller]
			below, err := filepath.Rel(mount[3], path)
			if member && err == nil && !strings.HasPrefix(below, "..") {
				found[controller] = filepath.Join(root, mount[4], below)
			}
		}
	}
	return found, nil
}

// layout returns the version that has the controllers for CPU and memory.
func (m mounts) layout() (layout, error) {
	if m["memory"] != "" && m["cpu"] != "" {
		return layout{
			version: 1, memory: m["memory"], cpu: m["cpu"],
			limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes", events: "memory.oom_control",
			quota: "cpu.cfs_quota_us", weight: "cpu.shares", lowWeight: 1024 / lowShare,
		}, nil
	}
	own := m[""]
	if own == "" {
		return layout{}, errors.New("no control groups for CPU and memory are mounted")
	}
	text, err := os.ReadFile(filepath.Join(own, "cgroup.controllers"))
	if err != nil {
		return layout{}, fmt.Errorf("read the controllers of control groups: %w", err)
	}
	if words := strings.Fields(string(text)); !slices.Contains(words, "cpu") || !slices.Contains(words, "memory") {
		return layout{}, fmt.Errorf("the control group %s has no controllers for CPU and memory", own)
	}
	return layout{
		version: 2, memory: own, cpu: own,
		limit: "memory.max", peak: "memory.peak", events: "memory.events",
		quota: "cpu.max", quotaSuffix: fmt.Sprintf(" %d", period), weight: "cpu.weight", lowWeight: 100 / lowShare,
	}, nil
}

// delegate lets groups below this process's group limit CPU and memory. In version 2 a group
// with such groups has no processes of its own, apart from the root: this process moves into
// a group below, until release.
func (m *Manager) delegate() (release func() error, err error) {
	control := filepath.Join(m.memory, "cgroup.subtree_control")
	own := filepath.Join(m.memory, m.prefix+"0-self")
	err = write(control, "+cpu +memory")
	if err == nil {
		return func() error { return nil }, nil
	}
	if !errors.Is(err, syscall.EBUSY) {
		return nil, fmt.Errorf("delegate control groups: %w", err)
	}
	pids, err := os.ReadFile(filepath.Join(m.memory, "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("read the processes of the control group: %w", err)
	}
	if n := len(strings.Fields(string(pids))); n > 1 {
		return nil, fmt.Errorf("the control group %s has %d processes, and needs to have this one only", m.memory, n)
	}
	if err := os.Mkdir(own, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create a control group: %w", err)
	}
	self := fmt.Sprint(os.Getpid())
	release = func() error {
		return errors.Join(write(control, "-cpu -memory"), write(filepath.Join(m.memory, "cgroup.procs"), self), remove(own))
	}
	if err := write(filepath.Join(own, "cgroup.procs"), self); err != nil {
		return nil, errors.Join(fmt.Errorf("move into a control group: %w", err), remove(own))
	}
	if err := write(control, "+cpu +memory"); err != nil {
		return nil, errors.Join(fmt.Errorf("delegate control groups: %w", err), release())
	}
	return release, nil
}
