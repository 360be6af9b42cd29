package main

import (
	"github.com/spf13/cobra"
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
			if p.inContainers() {
				return p.containers().RunSchedule(command.Context(), args[0])
			}
			client, err := p.connect()
			if err != nil {
				return err
			}
			if err := client.RunSchedule(command.Context(), args[0]); err != nil {
				return err
			}
			p.say("called %s; its log is %s/functions.log", args[0], p.stateDir)
			return nil
		},
	}
	p.stateDirFlag(runNow)
	start := &cobra.Command{
		Use:   "start",
		Short: "Call scheduled functions when due, in a system of containers",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.containers().RunScheduler(command.Context(), p.logger())
		},
	}
	scheduler.AddCommand(runNow, start)
	return scheduler
}
