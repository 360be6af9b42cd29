package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestClient requires that the Go client in clients/go is generated from the current document.
func TestClient(t *testing.T) {
	t.Parallel()
	source, err := generateClient("../..")
	if err != nil {
		t.Fatal(err)
	}
	generated, err := os.ReadFile(filepath.Join("../../../clients/go", operationsFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(generated, source.Operations) {
		t.Error("clients/go is out of date: run `make generate`")
	}
}
