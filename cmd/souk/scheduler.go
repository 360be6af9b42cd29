package main

import (
	"github.com/spf13/cobra"

	"souk/emulators/local"
)

func (p *program) schedulerCommand() *cobra.Command {
	scheduler := &cobra.Command{
		Use:   "scheduler",
		Short: "Call scheduled functions",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	runNow := &cobra.Command{
		Use:     "run FUNCTION",
		Short:   "Call a scheduled function of the running system now",
		Example: "  souk scheduler run order-outbox",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			client, err := local.Connect(p.stateDir)
			if err != nil {
				return err
			}
			if err := client.RunSchedule(command.Context(), args[0]); err != nil {
				return err
			}
			p.say("%s is called; what it does is in %s/functions.log", args[0], p.stateDir)
			return nil
		},
	}
	p.stateDirFlag(runNow)
	scheduler.AddCommand(runNow)
	return scheduler
}
