package main

import (
	"os/exec"
	"strings"
	"testing"
)

// hostPackages are the packages that only a host needs.
var hostPackages = []string{
	"souk/emulators/console", "souk/emulators/trace", "souk/emulators/load", "souk/emulators/lab", "souk/cmd/souk/internal/cost",
}

// TestContainerPackages requires that the program in the container image has none of the
// packages that only a host needs: the image stays below 30 MB.
func TestContainerPackages(t *testing.T) {
	t.Parallel()
	list := func(tags string) []string {
		output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, ".").CombinedOutput()
		if err != nil {
			t.Fatalf("list the packages of souk: %v\n%s", err, output)
		}
		return strings.Fields(string(output))
	}
	host, container := list(""), list("container")
	if len(host) <= len(container) {
		t.Errorf("a host's souk has %d packages, a container's %d, want fewer", len(host), len(container))
	}
	for _, path := range container {
		for _, hostOnly := range hostPackages {
			if path == hostOnly || strings.HasPrefix(path, hostOnly+"/") {
				t.Errorf("a container's souk has %s: want the constraint !container on what imports it", path)
			}
		}
	}
}
