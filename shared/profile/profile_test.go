package profile_test

import (
	"os"
	"path/filepath"
	"testing"

	"souk/shared/profile"
)

// TestStart is not parallel: a process has one profile of its CPU at a time.
func TestStart(t *testing.T) { //nolint:paralleltest // see above
	folder := t.TempDir()
	stop, err := profile.Start(folder, "souk")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Start(folder, "second"); err == nil {
		t.Error("a second profile of the CPU starts beside the first")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"cpu", "heap"} {
		paths, err := filepath.Glob(filepath.Join(folder, "souk-*."+kind+".pprof"))
		if err != nil || len(paths) != 1 {
			t.Fatalf("profiles of the %s: %v, %v; want one", kind, paths, err)
		}
		if info, err := os.Stat(paths[0]); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, want a profile", paths[0], err)
		}
	}
	if _, err := profile.Start(filepath.Join(folder, "missing"), "souk"); err == nil {
		t.Error("a profile in a missing folder has no error")
	}
}
