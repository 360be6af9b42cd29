package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"souk/emulators/local"
	"souk/emulators/pubsub"
	"souk/functions"
	"souk/shared/manifest"
)

func (p *program) topicsCommand() *cobra.Command {
	var host, project, endpoint, audience, account string
	prune, republish := false, false
	command := &cobra.Command{
		Use:   "topics",
		Short: "Create the topics and subscriptions on a Pub/Sub emulator",
		Long: `Create the topics and push subscriptions of functions.yaml, each with a dead-letter
topic and a subscription that stores dead letters. Update those that exist.

In --endpoint and --audience, {function} and {service} are replaced by their names.`,
		Example: "  souk topics --pubsub-host 127.0.0.1:8085 --endpoint 'http://{function}:8080/{function}'",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if host == "" {
				host = p.getenv("PUBSUB_EMULATOR_HOST")
			}
			if host == "" {
				return p.usageError("which emulator? set --pubsub-host or PUBSUB_EMULATOR_HOST")
			}
			if republish {
				topics, err := p.topics(endpoint)
				if err != nil {
					return err
				}
				return topics.SetUp(command.Context())
			}
			err := p.setUpTopics(command.Context(), host, project, prune, pubsub.Topology{
				Manifest: functions.Manifest(), Endpoint: fill(endpoint), ServiceAccount: account, Audience: fill(audience),
			})
			if err != nil {
				return err
			}
			p.say("topics and subscriptions of project %s are up to date on %s", project, host)
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&host, "pubsub-host", "", "host:port of the emulator (default $PUBSUB_EMULATOR_HOST)")
	flags.StringVar(&project, "project", local.Project, "Google Cloud project")
	flags.StringVar(&endpoint, "endpoint", "http://{function}:8080/{function}", "URL to push messages for a function to")
	flags.StringVar(&audience, "audience", functionURL, "audience of push tokens")
	flags.BoolVar(&prune, "prune", false, "delete the subscriptions of functions that are gone; their dead letters stay")
	flags.BoolVar(&republish, "republish", false, "if there are no topics, publish the recent events of the outboxes again: Google's emulator stores nothing (needs PRODUCT_DATABASE_URL and so on)")
	flags.StringVar(&account, "service-account", "", "service account of the push tokens; without one, pushes carry no token")
	return command
}

func (p *program) setUpTopics(ctx context.Context, host, project string, prune bool, topology pubsub.Topology) error {
	err := local.SetUpTopics(ctx, host, project, topology)
	if err != nil || !prune {
		return err
	}
	return p.pruneTopics(ctx, host, project)
}

func (p *program) pruneTopics(ctx context.Context, host, project string) error {
	pruned, err := local.PruneTopics(ctx, host, project, functions.Manifest())
	for _, name := range pruned {
		p.say("deleted subscription %s: its function is gone", name)
	}
	return err
}

// fill returns what puts a function's names into a template.
func fill(template string) func(manifest.Function) string {
	return func(f manifest.Function) string {
		return strings.NewReplacer("{function}", f.Name, "{service}", f.Service).Replace(template)
	}
}
