package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// TraceConfig configures the export of traces by OTLP/HTTP. Nothing is connected before the
// first request is sampled.
type TraceConfig struct {
	// Endpoint is the base URL of the receiver, such as https://telemetry.googleapis.com.
	// Without it nothing is recorded. Requests to googleapis.com are authenticated as the
	// service account.
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// SampleRatio is the share of requests whose traces are recorded, 0 to 1, besides those
	// that a trusted caller samples.
	SampleRatio float64 `env:"TRACE_SAMPLE_RATIO"`
}

// Validate returns all errors of c.
func (c TraceConfig) Validate() error {
	var errs []error
	if c.Endpoint != "" && !isEndpoint(c.Endpoint) {
		errs = append(errs, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318: "+
			"it has a scheme, a host, and at most a port and a path"))
	}
	if !(c.SampleRatio >= 0 && c.SampleRatio <= 1) {
		errs = append(errs, errors.New("TRACE_SAMPLE_RATIO is not between 0 and 1"))
	}
	return errors.Join(errs...)
}

// isEndpoint reports whether a text is the URL of a receiver, to which paths can be joined.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && !strings.Contains(text, "#")
}

// Process describes the process whose spans are exported.
type Process struct {
	// Service is the name of the function, or of the service if the process has all of its
	// functions.
	Service string
	// Project is the Google Cloud project that the traces are written to.
	Project string
	// Revision is the revision on Cloud Run.
	Revision string
	// TrustsSampledFlag makes requests follow the sampled flag of their traceparent. On Cloud
	// Run clients can set it, so there only the ratio decides: docs/adr.
	TrustsSampledFlag bool
	// Sampler decides which requests are recorded besides those of the ratio, in place of the
	// sampled flag. It is optional.
	Sampler Sampler
}

// NewTracer returns the Tracer of a process.
func (c TraceConfig) NewTracer(p Process) *Tracer {
	if c.Endpoint == "" {
		return &Tracer{}
	}
	sampler := func(parent bool) bool {
		if p.Sampler != nil {
			parent = p.Sampler(parent)
		} else {
			parent = parent && p.TrustsSampledFlag
		}
		// Not by the trace's id, which clients can choose too.
		return parent || c.SampleRatio > 0 && rand.Float64() < c.SampleRatio
	}
	return newTracer(&exporter{now: time.Now, open: c.open}, sampler, p.attributes()...)
}

// attributes returns the attributes of the process's resource.
func (p Process) attributes() []attribute.KeyValue {
	attributes := []attribute.KeyValue{semconv.ServiceName(p.Service)}
	if p.Revision != "" {
		attributes = append(attributes, semconv.ServiceVersion(p.Revision))
	}
	if p.Project != "" {
		attributes = append(attributes, attribute.String("gcp.project_id", p.Project)) // required by telemetry.googleapis.com
	}
	return attributes
}

// open returns a new exporter. It does not connect yet.
func (c TraceConfig) open(ctx context.Context) (sdktrace.SpanExporter, error) {
	// By default the library writes such errors to stderr as text.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Debug("telemetry", "error", err) }))
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(c.Endpoint, "/") + "/v1/traces"),
		otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}),
	}
	if client, err := c.googleClient("https://www.googleapis.com/auth/trace.append"); err != nil {
		return nil, err
	} else if client != nil {
		options = append(options, otlptracehttp.WithHTTPClient(client))
	}
	return otlptracehttp.New(ctx, options...)
}

// googleClient returns a client that authenticates as the process's service account, nil for
// endpoints that are not Google's.
func (c TraceConfig) googleClient(scope string) (*http.Client, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || !strings.HasSuffix(u.Hostname(), ".googleapis.com") {
		return nil, err
	}
	client, err := httptransport.NewClient(&httptransport.Options{
		DisableTelemetry: true,
		DetectOpts:       &credentials.DetectOptions{Scopes: []string{scope}},
	})
	if err != nil {
		return nil, fmt.Errorf("authenticate to %s: %w", u.Host, err)
	}
	return client, nil
}
