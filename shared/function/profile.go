package function

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// checkProfile refuses profiles anywhere but on a local machine: they contain data of the
// process, and cost CPU.
func (s settings) checkProfile() error {
	if s.ProfileDir != "" && (s.onCloudRun() || !s.LocalOnly) {
		return errors.New("PROFILE_DIR is for a local system, with LOCAL_ONLY=true: unset it")
	}
	return nil
}

// startProfile profiles the CPU of the process until stop, which also writes a profile of the
// heap. The files in PROFILE_DIR are named after the function and the process, for
// `go tool pprof`. Without PROFILE_DIR it has no effect.
func (s settings) startProfile(service string) (stop func() error, err error) {
	if s.ProfileDir == "" {
		return func() error { return nil }, nil
	}
	path := filepath.Join(s.ProfileDir, fmt.Sprintf("%s-%d", cmp.Or(s.Target, service), os.Getpid()))
	cpu, err := os.Create(path + ".cpu.pprof")
	if err != nil {
		return nil, fmt.Errorf("create a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(fmt.Errorf("profile the CPU: %w", err), cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(cpu.Close(), writeHeapProfile(path+".heap.pprof"))
	}, nil
}

func writeHeapProfile(path string) error {
	heap, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create a profile: %w", err)
	}
	return errors.Join(pprof.WriteHeapProfile(heap), heap.Close())
}
