package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat: USER_HZ is 100 on Linux.
const tick = 10 * time.Millisecond

// processStat is what the kernel accounts to one process.
type processStat struct {
	parent int
	// own is the CPU time of the process, reaped that of its children that have ended.
	own, reaped time.Duration
}

// parseStat parses the text of /proc/PID/stat, see proc_pid_stat(5). The name of the program,
// in parentheses, may contain spaces and parentheses.
func parseStat(text string) (processStat, error) {
	_, rest, found := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 15 {
		return processStat{}, fmt.Errorf("read /proc/PID/stat: %q has another form", text)
	}
	var numbers [5]int
	for i, field := range []int{1, 11, 12, 13, 14} { // ppid, utime, stime, cutime, cstime
		var err error
		if numbers[i], err = strconv.Atoi(fields[field]); err != nil {
			return processStat{}, fmt.Errorf("read /proc/PID/stat: %w", err)
		}
	}
	return processStat{
		parent: numbers[0],
		own:    time.Duration(numbers[1]+numbers[2]) * tick,
		reaped: time.Duration(numbers[3]+numbers[4]) * tick,
	}, nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// readStat reads what the kernel accounts to a process.
func readStat(pid int) (processStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, err
	}
	return parseStat(string(text))
}

// cpu is CPU time by class of process.
type cpu struct{ database, functions, souk, load time.Duration }

func (c cpu) minus(o cpu) cpu {
	return cpu{c.database - o.database, c.functions - o.functions, c.souk - o.souk, c.load - o.load}
}

// readCPU returns the CPU time so far of the database server, of a souk process, of its
// children, which are the functions, those that have ended included, and of this process.
// A process that is 0 is left out.
func readCPU(databasePID, soukPID int) (spent cpu, err error) {
	for _, process := range []struct {
		pid int
		add func(processStat)
	}{
		{databasePID, func(s processStat) { spent.database = s.own }},
		{soukPID, func(s processStat) { spent.souk, spent.functions = s.own, s.reaped }},
		{os.Getpid(), func(s processStat) { spent.load = s.own }},
	} {
		if process.pid == 0 {
			continue
		}
		stat, err := readStat(process.pid)
		if err != nil {
			return cpu{}, fmt.Errorf("read the CPU time: %w", err)
		}
		process.add(stat)
	}
	if soukPID == 0 {
		return spent, nil
	}
	children, err := childrenOf(soukPID)
	if err != nil {
		return cpu{}, err
	}
	for _, child := range children {
		spent.functions += child.own + child.reaped
	}
	return spent, nil
}

// childrenOf returns the running children of a process.
func childrenOf(parent int) (children []processStat, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended
		}
		stat, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		if stat.parent == parent {
			children = append(children, stat)
		}
	}
	return children, nil
}

// anonymousMemory returns the anonymous memory of a process in bytes.
func anonymousMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "RssAnon:"); found {
			kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kilobytes * 1024, err
		}
	}
	return 0, errors.Join(fs.ErrNotExist, fmt.Errorf("/proc/%d/status has no RssAnon", pid))
}
