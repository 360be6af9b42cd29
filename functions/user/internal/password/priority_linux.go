package password

import (
	"log/slog"
	"runtime"
	"syscall"
)

const (
	// lowNice is added to the nice value of a thread that hashes: another thread gets about
	// eight times its CPU time while CPUs are scarce (sched(7)).
	lowNice = 9
	maxNice = 19
	// A system call returns a nice value as 20 less it (getpriority(2)).
	niceOffset = 20
)

// atLowPriority calls work on a thread that lets others use the CPU first: requests of this
// process and, on one machine, other functions. The thread ends with work, because a process
// without rights cannot raise its priority again.
func atLowPriority(work func() error) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // without an unlock, the thread ends with the goroutine
		lowerPriority()
		ended <- work()
	}()
	return <-ended
}

// lowerPriority lowers the priority of this thread. Without it the work is done as well.
func lowerPriority() {
	const thisThread = 0
	value, err := syscall.Getpriority(syscall.PRIO_PROCESS, thisThread)
	if err == nil {
		err = syscall.Setpriority(syscall.PRIO_PROCESS, thisThread, min(niceOffset-value+lowNice, maxNice))
	}
	if err != nil {
		slog.Debug("hash at the usual priority", "error", err)
	}
}
