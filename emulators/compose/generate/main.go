// Command generate writes the functions of functions.yaml into a Compose file.
package main

import (
	"fmt"
	"os"

	"souk/emulators/compose"
	"souk/functions"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate docker-compose.yml")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(path string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the Compose file: %w", err)
	}
	updated, err := compose.Update(file, functions.Manifest())
	if err != nil {
		return err
	}
	return os.WriteFile(path, updated, 0o644) //nolint:gosec // a file of the repository
}
