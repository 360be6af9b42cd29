package main

import (
	"github.com/spf13/cobra"

	"souk/shared/health"
)

func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:    health.Argument + " [PORT]",
		Short:  "Exit with 0 if the server on a port of this container is healthy",
		Args:   cobra.MaximumNArgs(1),
		Hidden: true,
		RunE: func(command *cobra.Command, args []string) error {
			return health.Check(command.Context(), append(args, "8080")[0])
		},
	}
}
