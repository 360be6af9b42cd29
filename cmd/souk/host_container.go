//go:build container

package main

import (
	"context"

	"github.com/spf13/cobra"

	"souk/emulators/local"
)

// The commands below need what a container does not have: the programs of the services, a
// terminal, terraform/. They print where to run them. What they need stays out of the image
// by the build constraint !container, here and in emulators/local.

func (p *program) upCommand() *cobra.Command {
	return p.hostCommand("up", "Start the whole system")
}

func (p *program) downCommand() *cobra.Command {
	return p.hostCommand("down", "Stop the running system")
}

func (p *program) databaseCommand() *cobra.Command {
	return p.hostCommand("database", "Run a command with a temporary database server")
}

func (p *program) costCommand() *cobra.Command {
	return p.hostCommand("cost", "Estimate the monthly cost")
}

func (p *program) loadCommand() *cobra.Command {
	return p.hostCommand("load", "Put load on the running system")
}

func (p *program) labCommand() *cobra.Command {
	return p.hostCommand("lab", "Run experiments on scaling")
}

// hostCommand returns a command that prints where to run it instead.
func (p *program) hostCommand(name, short string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Short:              short + " (in a checkout: bin/souk " + name + ")",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return p.usageError("a container cannot run %s: in a checkout of the repository, make bin/souk && bin/souk %s", name, name)
		},
	}
}

// running is the system of this machine: a container has none but the one of containers.
type running interface {
	Status(ctx context.Context) (local.Status, error)
	RunSchedule(ctx context.Context, function string) error
}

// connect returns an error: the only system that a container knows is its own.
func (p *program) connect() (running, error) {
	return nil, p.usageError("%s is not 1, so this is no system of containers", containersVariable)
}
