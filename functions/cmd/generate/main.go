// Command generate writes functions/openapi.yaml and functions/events from what the services
// register and the comments of their handlers, and functions/functions.json from functions.yaml.
// With the argument list it writes functions.json only, which the others depend on; with client
// and a folder it generates the Go client there. `go generate ./functions` runs all.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"souk/functions/registry"
	"souk/shared/function/openapi"
	"souk/shared/manifest"
	"souk/shared/manifest/manifestfile"
)

func main() {
	write := run
	switch arguments := os.Args[1:]; {
	case slices.Equal(arguments, []string{"list"}):
		write = writeManifest
	case len(arguments) == 2 && arguments[0] == "client":
		write = func(folder string) error { return writeClient(folder, arguments[1]) }
	}
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes the files into the folder functions.
func run(folder string) error {
	files, err := generate(folder)
	if err != nil {
		return err
	}
	return openapi.Write(folder, files)
}

// generate returns the files of the folder functions, by name.
func generate(folder string) (map[string][]byte, error) {
	list, encoded, err := readManifest(folder)
	if err != nil {
		return nil, err
	}
	files, err := openapi.Files(list, services(), folder)
	if err != nil {
		return nil, err
	}
	files[manifestFile] = encoded
	return files, nil
}

func services() []openapi.Service {
	var all []openapi.Service
	for _, s := range registry.Services {
		service := openapi.Service{Name: s.Name, Description: s.Description, Build: s.Build, Topics: s.Topics}
		for _, e := range s.Webhooks {
			service.Webhooks = append(service.Webhooks, openapi.Webhook(e))
		}
		all = append(all, service)
	}
	return all
}

// manifestFile is the name of functions.yaml as JSON.
const manifestFile = "functions.json"

// writeManifest writes functions.json, which the programs of the services contain: the other files
// follow from it.
func writeManifest(folder string) error {
	_, encoded, err := readManifest(folder)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, manifestFile), encoded, 0o644) //nolint:gosec // part of the source
}

// readManifest reads functions.yaml, and returns it as JSON, too.
func readManifest(folder string) (*manifest.Manifest, []byte, error) {
	text, err := os.ReadFile(filepath.Join(folder, "functions.yaml"))
	if err != nil {
		return nil, nil, err
	}
	list, err := manifestfile.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := list.Encode()
	return list, encoded, err
}
