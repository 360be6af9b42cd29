package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"souk/emulators/gateway"
	"souk/emulators/sampling"
	"souk/functions"
	"souk/shared/config"
	"souk/shared/telemetry"
)

func (p *program) gatewayCommand() *cobra.Command {
	address, backend, allowedHosts, cloudRun := "", "", "", false
	command := &cobra.Command{
		Use:   "gateway",
		Short: "Serve the gateway of functions that run elsewhere",
		Long: `Serve the gateway of functions that run elsewhere, each under its own host name, such
as in containers. Requests are spread over all addresses of a name.

With --cloud-run it is a Cloud Run service itself: BACKENDS is a JSON object with the
URLs of the functions by name, and requests carry an ID token of the service account.

CORS_ORIGINS lists the origins whose pages may call the API in a browser.

Traces are sent to OTEL_EXPORTER_OTLP_ENDPOINT: the share TRACE_SAMPLE_RATIO, and those
that begin while a page of the console is open, if CONSOLE_WATCHING_URL reports that.`,
		Example: "  souk gateway --listen :8080 --backend 'http://{function}:8080'",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			options, err := p.gatewayOptions(backend, allowedHosts, cloudRun)
			if err != nil {
				return err
			}
			if options.Tracer, err = p.gatewayTracer(command.Context()); err != nil {
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

// gatewayTracer returns what records the gateway's traces until ctx is done, or nil.
func (p *program) gatewayTracer(ctx context.Context) (*telemetry.Tracer, error) {
	traces, err := config.Load[telemetry.TraceConfig](config.Environment{
		"OTEL_EXPORTER_OTLP_ENDPOINT": p.getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "TRACE_SAMPLE_RATIO": cmp.Or(p.getenv("TRACE_SAMPLE_RATIO"), "0"),
	})
	if err == nil {
		err = traces.Validate()
	}
	if err != nil {
		return nil, p.usageError("%v", err)
	}
	process := telemetry.Process{Service: "gateway"}
	if url := p.getenv("CONSOLE_WATCHING_URL"); url != "" && traces.Endpoint != "" {
		remote := &sampling.Remote{URL: url}
		go remote.Follow(ctx)
		process.Sampler = sampling.New(remote.Watching).Sampled
	}
	return traces.NewTracer(process), nil
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
	var links []gateway.Link
	if url := p.getenv("CONSOLE_URL"); url != "" {
		links = append(links, gateway.ConsoleLink(url))
	}
	if url := p.getenv("SOUK_MAIL_URL"); url != "" {
		links = append(links, gateway.MailLink(url))
	}
	if url := p.getenv(paymentPageVariable); url != "" {
		links = append(links, gateway.PaymentLink(url))
	}
	return links
}
