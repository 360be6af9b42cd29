package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/balance"
	"souk/emulators/hostcheck"
	"souk/emulators/identity"
	"souk/emulators/local"
	"souk/emulators/relay"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/health"
	"souk/shared/manifest"
)

// pushWait is how long a push waits for its function: Google's emulator takes long
// to come again. It leaves time for the function before the acknowledgement deadline.
const pushWait = 15 * time.Second

func (p *program) relayCommand() *cobra.Command {
	address, at, state, allowedHosts := "", "", "", ""
	command := &cobra.Command{
		Use:   "relay",
		Short: "Add signed pushes and lasting topics to Google's Pub/Sub emulator",
		Long: `Receive the pushes of Google's Pub/Sub emulator, add the token that the cloud would
add, and forward each to its function. After a restart of the emulator, which stores
nothing, create the topics and subscriptions again and publish the events again that
the services' outboxes published lately.

PUBSUB_EMULATOR_HOST is the emulator, PRODUCT_DATABASE_URL and so on the databases.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			issuer, err := identity.New(identity.Options{Dir: state, URL: at})
			if err != nil {
				return err
			}
			topics, err := p.topics(at + "/{function}")
			if err != nil {
				return err
			}
			hosts, err := p.allowedHosts(allowedHosts)
			if err != nil {
				return err
			}
			own, err := url.Parse(at)
			if err != nil {
				return p.usageError("--url: %v", err)
			}
			return p.relay(command.Context(), address, append(hosts, own.Hostname()), issuer, topics)
		},
	}
	command.Flags().StringVar(&address, "listen", ":8080", "host:port to serve on")
	command.Flags().StringVar(&at, "url", "http://relay:8080", "URL at which the emulator and the functions reach the relay")
	command.Flags().StringVar(&state, "state", "/state", "folder of the signing key")
	allowedHostsFlag(command, &allowedHosts)
	return command
}

// relay forwards pushes and maintains the topics until ctx ends.
func (p *program) relay(ctx context.Context, address string, hosts hostcheck.Hosts, issuer *identity.Issuer, topics local.Topics) error {
	list := topics.Topology.Manifest
	endpoint := func(f manifest.Function) string {
		f.HTTP = function.Pattern(f)
		return fill(functionURL)(f) + f.Path()
	}
	replicas := balance.New(balance.Options{Wait: pushWait, Concurrency: balance.Concurrency(list, endpoint)})
	defer replicas.CloseIdleConnections()
	handler, err := relay.New(relay.Options{
		Manifest: list, Audience: topics.Topology.Audience, ServiceAccount: local.PushServiceAccount,
		Endpoint: endpoint, Tokens: issuer, Transport: replicas, Retries: pushRetries, Logger: topics.Log,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		topics.Maintain(ctx)
	}()
	defer func() { cancel(); <-stopped }()
	return p.serve(ctx, address, hosts.Handler(health.Handler(handler)))
}

// topics are those of a system of containers, whose pushes go to an endpoint.
func (p *program) topics(endpoint string) (local.Topics, error) {
	system := p.containers()
	topics := local.Topics{
		Host: system.PubSub, Project: local.Project, Log: p.logger(), Databases: map[string]database.URL{},
	}
	topics.Topology.Manifest = extendAckDeadline(system.Manifest)
	topics.Topology.Endpoint, topics.Topology.Audience = fill(endpoint), fill(functionURL)
	topics.Topology.ServiceAccount = local.PushServiceAccount
	for _, service := range system.Manifest.Services() {
		variable := strings.ToUpper(service) + "_DATABASE_URL"
		url := p.getenv(variable)
		if url == "" {
			return topics, p.usageError("where is the database of %s? set %s", service, variable)
		}
		topics.Databases[service] = database.URL(url)
	}
	return topics, nil
}

// pushRetries are the pauses before a relay retries: 23 s in all.
var pushRetries = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second}

// extendAckDeadline returns a copy of the manifest whose ack deadline leaves a relay the
// time to retry, and a function its timeout after the last retry.
func extendAckDeadline(list *manifest.Manifest) *manifest.Manifest {
	own := *list
	own.Delivery.AckDeadline += 60 * time.Second
	return &own
}
