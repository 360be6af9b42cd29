package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme runs the shell blocks of the walk in README.md.
func TestReadme(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
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
	for remaining := walk; ; steps++ {
		_, block, more := strings.Cut(remaining, "```sh\n")
		if !more {
			break
		}
		block, remaining, _ = strings.Cut(block, "```")
		script.WriteString(block + "echo\n")
	}
	if steps < 5 {
		t.Fatalf("the walk of README.md has %d steps, want at least 5", steps)
	}
	// In the same shell, souk refers to the same system.
	for _, command := range []string{"status", "env", "audit", "deadletters list", "scheduler run order-outbox"} {
		script.WriteString("bin/souk " + command + "\n")
	}
	// The walk runs in the repository's folder, with the system's state in .souk.
	folder := t.TempDir()
	links := map[string]string{"bin": programs}
	if own, isLocal := s.platform.(*processes); isLocal {
		links[".souk"] = own.stateDir
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	shell.Dir = folder
	output, err := shell.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatalf("the walk fails: %v", err)
	}
	for _, want := range []string{`"available":50`, `"status":"confirmed"`, `"available":48`, `"status":"captured"`, "%PDF-1.", `"reason":"insufficient_stock"`, `"status":"partially_refunded"`} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the output lacks %s", want)
		}
	}
}
