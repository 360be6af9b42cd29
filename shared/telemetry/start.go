package telemetry

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// initialized is when the packages of the process were initialized.
var initialized = time.Now()

// clockTick is the unit of times in /proc, which is the same on all architectures.
const clockTick = time.Second / 100

// ProcessStart returns when the process was started, to 10 ms, or when it was initialized
// where /proc does not have it.
func ProcessStart() time.Time {
	stat, err := os.ReadFile("/proc/self/stat")
	uptime, err2 := os.ReadFile("/proc/uptime")
	if err != nil || err2 != nil {
		return initialized
	}
	// The fields after the name of the program, which may have spaces and parentheses: see
	// proc_pid_stat(5), field 22.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	booted, _, _ := bytes.Cut(uptime, []byte(" "))
	if len(fields) < 20 {
		return initialized
	}
	ticks, err := strconv.ParseInt(string(fields[19]), 10, 64)
	seconds, err2 := strconv.ParseFloat(string(booted), 64)
	age := time.Duration(seconds*float64(time.Second)) - time.Duration(ticks)*clockTick
	started := time.Now().Add(-age)
	if err != nil || err2 != nil || started.After(initialized) || initialized.Sub(started) > time.Minute {
		return initialized
	}
	return started
}
