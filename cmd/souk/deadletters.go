package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/spf13/cobra"

	"souk/emulators/local"
	"souk/emulators/pubsub/deadletters"
)

// cloudWait is for how long Google Cloud must have no more messages before it is
// believed. An emulator needs no wait.
const cloudWait = 3 * time.Second

// brokerFlags select the broker of a command.
type brokerFlags struct{ host, project string }

func (p *program) deadLettersCommand() *cobra.Command {
	var broker brokerFlags
	command := &cobra.Command{
		Use:   "deadletters",
		Short: "List, show, replay or discard dead letters",
		Long: `List, show, replay or discard dead letters: messages that exceeded their delivery
attempts.
The broker is that of the running system; with --pubsub-host (or
PUBSUB_EMULATOR_HOST) an emulator; with --project alone Google Cloud, as the
account of the application default credentials.`,
		Example: `  souk deadletters list
  souk deadletters show order-confirm.stock-reserved
  souk deadletters replay order-confirm.stock-reserved --all --reason "order service mended"`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.PersistentFlags().StringVar(&p.stateDir, "state-dir", defaultStateDir, "folder of the running system")
	command.PersistentFlags().StringVar(&broker.host, "pubsub-host", "", "host:port of a Pub/Sub emulator (default $PUBSUB_EMULATOR_HOST)")
	command.PersistentFlags().StringVar(&broker.project, "project", "", "Google Cloud project (on an emulator: default "+local.Project+")")
	command.AddCommand(p.listDeadLetters(&broker), p.showDeadLetters(&broker), p.replayDeadLetters(&broker), p.discardDeadLetters(&broker))
	return command
}

// withBox does something with the dead letters of the broker that is meant.
func (p *program) withBox(ctx context.Context, broker brokerFlags, do func(*deadletters.Box) error) error {
	box, err := p.openBox(ctx, broker)
	if err != nil {
		return err
	}
	return errors.Join(do(box), box.Client.Close())
}

func (p *program) openBox(ctx context.Context, broker brokerFlags) (*deadletters.Box, error) {
	host, project := broker.host, broker.project
	if host == "" {
		host = p.getenv("PUBSUB_EMULATOR_HOST")
	}
	if host == "" && project != "" {
		client, err := pubsub.NewClient(ctx, project)
		if err != nil {
			return nil, fmt.Errorf("connect to Pub/Sub of project %s: %w", project, err)
		}
		return &deadletters.Box{Client: client, Wait: cloudWait}, nil
	}
	if host == "" {
		status, err := p.status(ctx)
		if err != nil {
			return nil, err
		}
		host, project = status.PubSub.Host, status.PubSub.Project
	}
	if project == "" {
		project = local.Project
	}
	client, err := local.ConnectPubSub(ctx, host, project)
	if err != nil {
		return nil, err
	}
	return &deadletters.Box{Client: client}, nil
}

func (p *program) listDeadLetters(broker *brokerFlags) *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   "list",
		Short: "List subscriptions with dead letters, their number and age",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.withBox(command.Context(), *broker, func(box *deadletters.Box) error {
				summaries, err := box.List(command.Context())
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.printJSON(summaries)
				}
				return p.printSummaries(summaries)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON; include empty subscriptions")
	return command
}

func (p *program) printSummaries(summaries []deadletters.Summary) error {
	table, total := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0), 0
	for _, s := range summaries {
		if s.Messages == 0 {
			continue
		}
		if total == 0 {
			fmt.Fprintf(table, "SUBSCRIPTION\tMESSAGES\tOLDEST\n")
		}
		total += s.Messages
		fmt.Fprintf(table, "%s\t%d\t%s\n", s.Subscription, s.Messages, s.Oldest.Format(time.RFC3339))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	p.say("%d dead letters in %d subscriptions", total, len(summaries))
	return nil
}

func (p *program) showDeadLetters(broker *brokerFlags) *cobra.Command {
	limit, id := 0, ""
	command := &cobra.Command{
		Use:   "show SUBSCRIPTION",
		Short: "Print dead letters as JSON lines, without removing them",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return p.withBox(command.Context(), *broker, func(box *deadletters.Box) error {
				return p.show(command.Context(), box, args[0], id, limit)
			})
		},
	}
	command.Flags().IntVar(&limit, "limit", 20, "maximum number of messages")
	command.Flags().StringVar(&id, "id", "", "show only the message with this id")
	return command
}

func (p *program) show(ctx context.Context, box *deadletters.Box, subscription, id string, limit int) error {
	shown := 0
	var failed error
	err := box.Show(ctx, subscription, func(l deadletters.Letter) bool {
		if shown == limit {
			return false
		}
		if id == "" || l.ID == id {
			shown++
			failed = p.printLine(p.stdout, l)
		}
		return failed == nil && (id == "" || shown == 0)
	})
	if err == nil && failed == nil && id != "" && shown == 0 {
		err = fmt.Errorf("message %s in %s: %w", id, deadletters.Name(subscription), deadletters.ErrNotFound)
	}
	return errors.Join(err, failed)
}
