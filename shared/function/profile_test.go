package function

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProfile is not parallel: a process has one profile of its CPU at a time.
func TestProfile(t *testing.T) { //nolint:paralleltest // see above
	for name, want := range map[string]int{"": 0, t.TempDir(): 2} {
		s := settings{Target: "thing-get", LocalOnly: true, ProfileDir: name}
		stop, err := s.startProfile("thing")
		if err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(name, "thing-get-*.pprof"))
		if err != nil || len(paths) != want {
			t.Errorf("PROFILE_DIR=%q has %v, %v; want %d profiles", name, paths, err, want)
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v, want a profile", path, err)
			}
		}
	}
}
