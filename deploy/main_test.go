// Package deploy_test runs the pipeline's scripts, here, against stand-ins: a gcloud
// that keeps Cloud Run in a file, a docker, and a Cloud Monitoring.
package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// souk is the program that scripts ask, and standIn is this one without the race
// detector, with which each of some thousand calls would take a fifth of a second.
var souk, standIn string

// TestMain makes this program gcloud, docker or gcrane where it is called by that name.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "gcloud":
		os.Exit(fakeGcloud(os.Args[1:]))
	case "docker":
		os.Exit(fakeDocker(os.Args[1:]))
	case "gcrane":
		os.Exit(fakeGcrane(os.Args[1:]))
	}
	os.Exit(withPrograms(m))
}

func withPrograms(m *testing.M) int {
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	souk, standIn = filepath.Join(dir, "souk"), filepath.Join(dir, "stand-in")
	for _, args := range [][]string{{"build", "-o", souk, "../cmd/souk"}, {"test", "-c", "-o", standIn, "."}} {
		build := exec.CommandContext(context.Background(), "go", args...)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n", args, err)
			return 1
		}
	}
	return m.Run()
}
