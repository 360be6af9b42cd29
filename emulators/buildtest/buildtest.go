// Package buildtest builds programs for tests.
package buildtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"souk/functions"
)

// The settings are those of tools/build: with others, every package that make has compiled is
// compiled once more, which takes minutes.
const (
	environment = "CGO_ENABLED=0"
	trimPath    = "-trimpath"
	linkerFlags = "-ldflags=-s -w"
)

// Programs builds programs into a folder. Sources are the import paths by the name of the
// program.
func Programs(ctx context.Context, folder string, sources map[string]string) error {
	building, ctx := errgroup.WithContext(ctx)
	for name, source := range sources {
		building.Go(func() error { return Program(ctx, filepath.Join(folder, name), source) })
	}
	return building.Wait()
}

// Program builds one program.
func Program(ctx context.Context, output, source string) error {
	build := exec.CommandContext(ctx, "go", "build", trimPath, linkerFlags, "-o", output, source)
	build.Env = append(os.Environ(), environment)
	if messages, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, bytes.TrimSpace(messages))
	}
	return nil
}

// Shop returns the import paths of the command line and of the services' programs.
func Shop() map[string]string {
	sources := map[string]string{"souk": "souk/cmd/souk"}
	for _, service := range functions.Manifest().Services() {
		sources[service] = "souk/functions/" + service + "/cmd"
	}
	return sources
}
