//go:build race

package dbtest

import (
	"os"
	"runtime/debug"
)

// raceGCPercent is how much more than its live heap a test binary with the race
// detector allocates before it collects. At Go's 100, collecting takes a third of the
// CPU of tests that serve requests. Programs that a test starts are not affected, nor
// benchmarks, which nothing runs with the race detector.
const raceGCPercent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(raceGCPercent)
	}
}
