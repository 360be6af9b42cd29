//go:build container

package main

import "github.com/spf13/cobra"

// loadCommand refuses: a container has no system that it could put load on, and the code
// that does so would enlarge the image.
func (p *program) loadCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "load",
		Short:              "Put load on the running system (not in containers)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return p.usageError("souk load runs beside souk up, not in a container")
		},
	}
}
