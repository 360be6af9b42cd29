package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"souk/shared/function/openapi"
)

// TestGenerated requires that the generated files are up to date.
func TestGenerated(t *testing.T) {
	t.Parallel()
	files, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	stale, err := openapi.Stale("../..", files)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stale {
		t.Errorf("functions/%s is out of date: run `make generate`", name)
	}
}

// TestStale checks that a file that differs, one that is missing and one of an unknown topic
// are reported, and that writing the files corrects all three.
func TestStale(t *testing.T) {
	t.Parallel()
	files, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "events"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := openapi.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openapi.yaml", "events/order-lost.schema.json"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, "events/order-placed.schema.json")); err != nil {
		t.Fatal(err)
	}
	want := []string{"events/order-lost.schema.json", "events/order-placed.schema.json", "openapi.yaml"}
	if stale, err := openapi.Stale(folder, files); err != nil || !slices.Equal(stale, want) {
		t.Errorf("stale are %v (%v), want %v", stale, err, want)
	}
	if err := openapi.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	if stale, err := openapi.Stale(folder, files); err != nil || len(stale) > 0 {
		t.Errorf("stale after writing are %v (%v)", stale, err)
	}
}
