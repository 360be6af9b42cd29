package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/emulators/balance"
	"souk/emulators/gateway"
	"souk/emulators/hostcheck"
	"souk/emulators/identity"
	"souk/emulators/local"
	"souk/emulators/relay"
	"souk/functions"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/health"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// functionURL is where a function is among containers: its name is a host's.
const functionURL = "http://{function}:8080"

// pushWait is how long a push waits for its function: Google's emulator takes long
// to come again. It leaves time for the function before the acknowledgement deadline.
const pushWait = 15 * time.Second

// containers is the system whose containers' environment p has.
func (p *program) containers() local.Containers {
	or := func(variable, standard string) string {
		if value := p.getenv(variable); value != "" {
			return value
		}
		return standard
	}
	return local.Containers{
		Manifest: functions.Manifest(),
		Secrets:  or("SECRETS_DIR", "/run/secrets"),
		Gateway:  p.getenv("SOUK_URL"),
		MailPage: p.getenv("SOUK_MAIL_URL"),
		Database: or("MYSQL_HOST", "mysql:3306"),
		PubSub:   or("PUBSUB_EMULATOR_HOST", "pubsub:8085"),
		SMTP:     or("SMTP_HOST", "mail:1025"),
	}
}

// containersVariable is set to 1 where the system that a command is about is one of
// containers: docker-compose.yml sets it. What `souk env` exports decides nothing.
const containersVariable = "SOUK_CONTAINERS"

// inContainers reports whether the system that a command is about is one of containers.
func (p *program) inContainers() bool { return p.getenv(containersVariable) == "1" }

func (p *program) secretsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secrets DIR",
		Short: "Create the secrets of a system of containers",
		Long: `Create passwords, keys and logins and write them to DIR, in one folder for each part of
a system of containers. A container mounts only the folders that it needs. Existing
secrets are not changed.

MYSQL_HOST is host:port of the database server (default mysql:3306), SMTP_HOST that
of the mail server (default mail:1025).`,
		Example: "  souk secrets /state/secrets",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			system := p.containers()
			system.Secrets = args[0]
			if err := system.WriteSecrets(); err != nil {
				return err
			}
			p.say("the secrets are in %s", args[0])
			return nil
		},
	}
}

func (p *program) gatewayCommand() *cobra.Command {
	address, backend, allowedHosts, cloudRun := "", "", "", false
	command := &cobra.Command{
		Use:   "gateway",
		Short: "Serve the gateway of functions that run elsewhere",
		Long: `Serve the gateway of functions that run elsewhere, each under its own host name, such
as in containers. Requests are spread over all addresses of a name.

With --cloud-run it is a Cloud Run service itself: BACKENDS is a JSON object with the
URLs of the functions by name, and requests carry an ID token of the service account.

CORS_ORIGINS lists the origins whose pages may call the API in a browser.`,
		Example: "  souk gateway --listen :8080 --backend 'http://{function}:8080'",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			options, err := p.gatewayOptions(backend, allowedHosts, cloudRun)
			if err != nil {
				return err
			}
			door, err := gateway.New(options)
			if err != nil {
				return err
			}
			listener, err := listen(command.Context(), address)
			if err != nil {
				return err
			}
			return gateway.Serve(command.Context(), listener, door)
		},
	}
	command.Flags().StringVar(&address, "listen", ":8080", "host:port to serve on")
	command.Flags().StringVar(&backend, "backend", functionURL, "URL of a function; {function} is replaced by its name")
	command.Flags().BoolVar(&cloudRun, "cloud-run", false, "functions are private services on Cloud Run, at the URLs in BACKENDS")
	allowedHostsFlag(command, &allowedHosts)
	return command
}

// gatewayOptions returns the options of a gateway for functions that run elsewhere: at the
// URLs of a pattern, or on Cloud Run.
func (p *program) gatewayOptions(backend, allowedHosts string, cloudRun bool) (gateway.Options, error) {
	origins, err := gateway.ParseOrigins(p.getenv("CORS_ORIGINS"))
	if err != nil {
		return gateway.Options{}, p.usageError("CORS_ORIGINS: %v", err)
	}
	hosts, err := p.allowedHosts(allowedHosts)
	if err != nil {
		return gateway.Options{}, err
	}
	list := functions.Manifest()
	options := gateway.Options{
		Manifest: list, OpenAPI: functions.OpenAPI, Origins: origins, Hosts: hosts, Logger: p.logger(),
		Links: p.links(),
		Backend: func(name string) string {
			f, _ := list.Function(name)
			return fill(backend)(f)
		},
	}
	if cloudRun {
		if options.Backend, err = p.cloudRunBackends(); err != nil {
			return gateway.Options{}, err
		}
		options.Tokens = gateway.MetadataTokens()
	}
	return options, nil
}

// cloudRunBackends returns the URLs of functions on Cloud Run, as Terraform gives them.
func (p *program) cloudRunBackends() (func(name string) string, error) {
	urls := map[string]string{}
	if err := json.Unmarshal([]byte(p.getenv("BACKENDS")), &urls); err != nil {
		return nil, p.usageError("BACKENDS: expected a JSON object of functions and their URLs: %v", err)
	}
	if len(urls) == 0 {
		return nil, p.usageError("BACKENDS: expected a JSON object of functions and their URLs, got none")
	}
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		// By http:// the ID token would be sent in clear text, and requests bring their own
		// path and query.
		if u, err := url.Parse(urls[name]); err != nil || u.Host == "" || urls[name] != "https://"+u.Host {
			return nil, p.usageError("BACKENDS: %s: expected a URL of the form https://HOST, got %q", name, urls[name])
		}
	}
	return func(name string) string { return urls[name] }, nil
}

// links are what the gateway's page leads to, as far as the environment names it.
func (p *program) links() []gateway.Link {
	if url := p.getenv("SOUK_MAIL_URL"); url != "" {
		return []gateway.Link{gateway.MailLink(url)}
	}
	return nil
}

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

// relay passes pushes on and keeps topics until ctx ends.
func (p *program) relay(ctx context.Context, address string, hosts hostcheck.Hosts, issuer *identity.Issuer, topics local.Topics) error {
	replicas := balance.New(balance.Options{Wait: pushWait})
	defer replicas.CloseIdleConnections()
	handler, err := relay.New(relay.Options{
		Manifest: topics.Topology.Manifest, Audience: topics.Topology.Audience, ServiceAccount: local.PushServiceAccount,
		Endpoint: func(f manifest.Function) string {
			f.HTTP = function.Pattern(f)
			return fill(functionURL)(f) + f.Path()
		},
		Tokens: issuer, Transport: replicas, Retries: pushRetries, Logger: topics.Log,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		topics.Maintain(ctx)
	}()
	defer func() { cancel(); <-kept }()
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

// logger returns a new logger for a server that runs in a container.
func (p *program) logger() *slog.Logger { return telemetry.NewLogger(p.stderr) }

func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:    health.Command + " [PORT]",
		Short:  "Exit with 0 if the server on a port of this container is healthy",
		Args:   cobra.MaximumNArgs(1),
		Hidden: true,
		RunE: func(command *cobra.Command, args []string) error {
			return health.Check(command.Context(), append(args, "8080")[0])
		},
	}
}
