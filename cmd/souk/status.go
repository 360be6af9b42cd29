package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"souk/emulators/local"
)

func (p *program) statusCommand() *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   "status",
		Short: "Show URLs, logins, functions and processes",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			status, err := p.status(command.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(status)
			}
			return p.printStatus(status)
		},
	}
	p.stateDirFlag(command)
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON; the output has passwords")
	return command
}

// status asks the system that runs.
func (p *program) status(ctx context.Context) (local.Status, error) {
	if p.inContainers() {
		return p.containers().Status()
	}
	client, err := p.connect()
	if err != nil {
		return local.Status{}, err
	}
	return client.Status(ctx)
}

func (p *program) printStatus(s local.Status) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if s.Console.Link != "" {
		fmt.Fprintf(table, "console\t%s\n", s.Console.Link)
	}
	fmt.Fprintf(table, "gateway\t%s\n", s.Gateway)
	fmt.Fprintf(table, "mail\t%s\n", s.Mail.URL)
	if s.Payments.URL != "" {
		fmt.Fprintf(table, "payments\t%s\n", s.Payments.URL)
	}
	fmt.Fprintf(table, "admin\t%s  %s\n", s.Admin.Email, s.Admin.Password)
	fmt.Fprintf(table, "customer\t%s  %s\n", s.Customer.Email, s.Customer.Password)
	fmt.Fprintf(table, "database\t%s  %s\n", s.Database, s.Database.DSN)
	fmt.Fprintf(table, "pub/sub\t%s  project %s\n", s.PubSub.Host, s.PubSub.Project)
	fmt.Fprintf(table, "\nFUNCTION\tURL\tPROCESSES\n")
	for _, f := range s.Functions {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Name, f.URL, strings.Trim(fmt.Sprint(f.PIDs), "[]"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}
