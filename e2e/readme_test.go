package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme runs the walk of README.md as it stands there.
func TestReadme(t *testing.T) {
	s := start(t)
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walk, found := strings.Cut(string(text), "<!-- walk: a test runs these blocks as they stand -->")
	if !found {
		t.Fatal("README.md has no walk")
	}
	walk, _, _ = strings.Cut(walk, "\n## ")
	var script strings.Builder
	steps := 0
	for rest := walk; ; steps++ {
		_, block, more := strings.Cut(rest, "```sh\n")
		if !more {
			break
		}
		block, rest, _ = strings.Cut(block, "```")
		script.WriteString(block + "echo\n")
	}
	if steps < 5 {
		t.Fatalf("README.md's walk has %d steps: the test has lost some", steps)
	}
	// In the same shell, souk is about the same system as before.
	for _, command := range []string{"status", "env", "audit", "deadletters list", "scheduler run order-outbox"} {
		script.WriteString("bin/souk " + command + "\n")
	}
	// The walk is for the repository's folder, with the system's state in .souk.
	folder := t.TempDir()
	links := map[string]string{"bin": programs}
	if own, is := s.platform.(*processes); is {
		links[".souk"] = own.stateDir
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	shell.Dir = folder
	said, err := shell.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Fatalf("the walk fails: %v", err)
	}
	for _, promise := range []string{`"available":50`, `"status":"confirmed"`, `"available":48`} {
		if !strings.Contains(string(said), promise) {
			t.Errorf("the walk does not show %s", promise)
		}
	}
}
