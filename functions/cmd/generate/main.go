// Command generate writes functions/openapi.yaml and functions/events from what the services
// register and the comments of their handlers. `go generate ./functions` runs it.
package main

import (
	"fmt"
	"os"

	"souk/functions"
	"souk/functions/registry"
	"souk/shared/function/openapi"
)

func main() {
	if err := run("."); err != nil {
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
	var services []openapi.Service
	for _, s := range registry.Services {
		services = append(services, openapi.Service{Name: s.Name, Description: s.Description, Build: s.Build, Topics: s.Topics})
	}
	return openapi.Files(functions.Manifest(), services, folder)
}
