package password

import (
	"errors"
	"runtime"
	"syscall"
	"testing"
)

// readNice returns the nice value of this thread.
func readNice(t *testing.T) int {
	t.Helper()
	value, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Error(err)
	}
	return niceOffset - value
}

func TestAtLowPriority(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	usual, failed := readNice(t), errors.New("failed")
	if err := atLowPriority(func() error {
		if got, want := readNice(t), min(usual+lowNice, maxNice); got != want {
			t.Errorf("the nice value of the work is %d, want %d", got, want)
		}
		return failed
	}); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if got := readNice(t); got != usual {
		t.Errorf("the nice value is %d after the work, was %d", got, usual)
	}
}

func BenchmarkAtLowPriority(b *testing.B) {
	for b.Loop() {
		_ = atLowPriority(func() error { return nil })
	}
}
