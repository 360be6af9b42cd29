package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"souk/shared/function/openapi"
)

// Files of the Go client, in its folder.
const (
	clientFile     = "client.gen.go"
	operationsFile = "operations.gen.go"
	clientConfig   = "oapi-codegen.yaml"
)

// writeClient generates the Go client in a folder from the services whose source is in the folder
// functions. Other modules import it, so it is part of the repository.
func writeClient(functions, folder string) error {
	source, err := generateClient(functions)
	if err != nil {
		return err
	}
	temporary, err := os.MkdirTemp("", "souk-client-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	document := filepath.Join(temporary, "openapi.json")
	if err := os.WriteFile(document, source.Document, 0o600); err != nil {
		return err
	}
	tools, err := filepath.Abs(filepath.Join(functions, "..", "tools", "go.mod"))
	if err != nil {
		return err
	}
	command := exec.Command("go", "tool", "-modfile="+tools, "oapi-codegen", //nolint:noctx // the program ends with it
		"-config", filepath.Join(folder, clientConfig), "-o", filepath.Join(folder, clientFile), document)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("oapi-codegen: %w\n%s", err, output)
	}
	return os.WriteFile(filepath.Join(folder, operationsFile), source.Operations, 0o644) //nolint:gosec // part of the source
}

// generateClient returns what the Go client is generated from.
func generateClient(folder string) (openapi.ClientSource, error) {
	list, _, err := readManifest(folder)
	if err != nil {
		return openapi.ClientSource{}, err
	}
	return openapi.Client(list, services(), folder)
}
