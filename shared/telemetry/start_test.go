package telemetry_test

import (
	"testing"
	"time"

	"souk/shared/telemetry"
)

// TestProcessStart requires that the start is before now and does not move.
func TestProcessStart(t *testing.T) {
	t.Parallel()
	started := telemetry.ProcessStart()
	if age := time.Since(started); age <= 0 || age > time.Hour {
		t.Errorf("the process is %s old", age)
	}
	if moved := telemetry.ProcessStart().Sub(started).Abs(); moved > 50*time.Millisecond {
		t.Errorf("the start moved by %s", moved)
	}
}
