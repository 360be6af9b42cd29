//go:build container

package main

import "github.com/spf13/cobra"

// costCommand prints where to run it instead: a container has no terraform/ to read, and
// what reads it would make the image a tenth larger.
func (p *program) costCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "cost",
		Short:              "Estimate the monthly cost (in a checkout: go run ./cmd/souk cost)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return p.usageError("the containers do not know what the shop costs: in a checkout of the repository, go run ./cmd/souk cost")
		},
	}
}
