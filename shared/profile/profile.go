// Package profile writes profiles of a process for `go tool pprof`.
package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// Variable is the environment variable with the folder of the profiles of a local system.
const Variable = "PROFILE_DIR"

// Start profiles the CPU of the process until stop, which also writes a profile of the heap.
// The files in folder are named after name and the process. Without a folder it has no effect.
func Start(folder, name string) (stop func() error, err error) {
	if folder == "" {
		return func() error { return nil }, nil
	}
	path := filepath.Join(folder, fmt.Sprintf("%s-%d", name, os.Getpid()))
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
