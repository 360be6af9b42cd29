//go:build race

package dbtest

import (
	"os"
	"runtime/debug"
)

// raceGCPercent is GOGC of a test binary with the race detector. At Go's default of 100,
// garbage collection takes a third of the CPU of tests that serve requests. Programs that
// a test starts are not affected, nor are benchmarks, which run without the race detector.
const raceGCPercent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(raceGCPercent)
	}
}
