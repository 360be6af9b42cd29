package cloudrun

import (
	"bytes"
	"os"
	"strconv"
)

// clockTicks is the number of clock ticks per second in /proc (sysconf(_SC_CLK_TCK)), which
// Linux fixes for programs on all of Go's platforms.
const clockTicks = 100

// usage returns the CPU time and the resident memory of a process, or zeros if it has ended.
func usage(pid int) (cpuSeconds float64, memoryBytes int64) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	// The second field is the program's name in parentheses, which may contain any character.
	// The fields after it begin with the third (proc_pid_stat(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return 0, 0
	}
	field := func(number int) int64 {
		n, err := strconv.ParseInt(string(fields[number-3]), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	const userTime, systemTime, residentPages = 14, 15, 24
	return float64(field(userTime)+field(systemTime)) / clockTicks, field(residentPages) * int64(os.Getpagesize())
}
