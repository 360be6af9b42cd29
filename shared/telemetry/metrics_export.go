package telemetry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// MetricConfig configures the export of metrics by OTLP/HTTP, to the endpoint of TraceConfig.
type MetricConfig struct {
	// Interval is the shortest time between two exports of a process. 0 exports none.
	Interval time.Duration `env:"METRICS_INTERVAL"`
}

// Validate returns an error if the interval is negative.
func (c MetricConfig) Validate() error {
	if c.Interval < 0 {
		return errors.New("METRICS_INTERVAL is negative")
	}
	return nil
}

// NewMetrics returns the metrics of a process, nil if they are not exported. observe sets
// values before each export.
func (c MetricConfig) NewMetrics(traces TraceConfig, p Process, observe func(*Metrics)) *Metrics {
	if c.Interval <= 0 || traces.Endpoint == "" {
		return nil
	}
	// Without an instance, the counters of two processes would be one series.
	of := append(p.attributes(), semconv.ServiceInstanceID(uuid.NewString()))
	sender := &metricSender{traces: traces, resource: &resource.Resource{Attributes: keyValues(of)}}
	return newMetrics(c.Interval, time.Now, observe, sender.send)
}

// Export exports the metrics if the interval has passed since the last export, and returns
// after exportTimeout at the latest. An error is logged once, until an export succeeds.
func (m *Metrics) Export(ctx context.Context) {
	if m == nil {
		return
	}
	m.mu.Lock()
	due := m.now().Sub(m.exported) >= m.interval
	if due {
		m.exported = m.now() // other requests do not export at the same time
	}
	m.mu.Unlock()
	if due {
		m.Flush(ctx)
	}
}

// Flush exports the metrics now.
func (m *Metrics) Flush(ctx context.Context) {
	if m == nil {
		return
	}
	m.observe(m)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	err := m.send(ctx, m.snapshot(), m.started, m.now())
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && !m.failing {
		slog.WarnContext(ctx, "metrics cannot be exported", "error", err)
	}
	m.failing = err != nil
}

// snapshot returns a copy of all series, sorted by metric.
func (m *Metrics) snapshot() (all []*series) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range m.all {
		for _, s := range list {
			copied := *s
			copied.buckets = slices.Clone(s.buckets)
			all = append(all, &copied)
		}
	}
	slices.SortFunc(all, func(a, b *series) int { return cmp.Compare(a.metric.name, b.metric.name) })
	return all
}

// metricSender sends metrics to an OTLP/HTTP receiver.
//
// The SDK for metrics and its exporter would make each program 1.2 MB larger, 4 %.
type metricSender struct {
	traces   TraceConfig
	resource *resource.Resource

	mu     sync.Mutex
	client *http.Client
}

func (s *metricSender) send(ctx context.Context, all []*series, from, to time.Time) error {
	client, err := s.connect()
	if err != nil {
		return err
	}
	body, err := proto.Marshal(&otlp.MetricsData{ResourceMetrics: []*otlp.ResourceMetrics{{
		Resource:     s.resource,
		ScopeMetrics: []*otlp.ScopeMetrics{{Scope: &common.InstrumentationScope{Name: scope}, Metrics: encodeMetrics(all, from, to)}},
	}}})
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.traces.Endpoint, "/")+"/v1/metrics", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("export metrics: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("export metrics: %w", err)
	}
	defer response.Body.Close()
	_, err = io.CopyN(io.Discard, response.Body, 64<<10) // for the connection to be used again
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("export metrics: the receiver responds with %s", response.Status)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("export metrics: %w", err)
	}
	return nil
}

// connect returns the client, which the first export creates.
func (s *metricSender) connect() (*http.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		client, err := s.traces.googleClient("https://www.googleapis.com/auth/monitoring.write")
		if err != nil {
			return nil, err
		}
		s.client = cmp.Or(client, http.DefaultClient)
	}
	return s.client, nil
}

// encodeMetrics encodes series that are sorted by metric, cumulative since from.
func encodeMetrics(all []*series, from, to time.Time) (encoded []*otlp.Metric) {
	begin, now := nanoseconds(from), nanoseconds(to)
	for _, s := range all {
		if last := len(encoded) - 1; last < 0 || encoded[last].GetName() != s.metric.name {
			encoded = append(encoded, newMetric(s.metric))
		}
		attributes := keyValues(s.attributes.ToSlice())
		point := &otlp.NumberDataPoint{
			Attributes: attributes, StartTimeUnixNano: begin, TimeUnixNano: now, Value: &otlp.NumberDataPoint_AsDouble{AsDouble: s.value},
		}
		switch data := encoded[len(encoded)-1].GetData().(type) {
		case *otlp.Metric_Gauge:
			data.Gauge.DataPoints = append(data.Gauge.DataPoints, point)
		case *otlp.Metric_Sum:
			data.Sum.DataPoints = append(data.Sum.DataPoints, point)
		case *otlp.Metric_Histogram:
			data.Histogram.DataPoints = append(data.Histogram.DataPoints, &otlp.HistogramDataPoint{
				Attributes: attributes, StartTimeUnixNano: begin, TimeUnixNano: now,
				Count: s.count, Sum: &s.value, BucketCounts: s.buckets, ExplicitBounds: durationBounds,
			})
		}
	}
	return encoded
}

func newMetric(m Metric) *otlp.Metric {
	const cumulative = otlp.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	encoded := &otlp.Metric{Name: m.name, Unit: m.unit}
	switch m.kind {
	case gauge:
		encoded.Data = &otlp.Metric_Gauge{Gauge: &otlp.Gauge{}}
	case counter:
		encoded.Data = &otlp.Metric_Sum{Sum: &otlp.Sum{AggregationTemporality: cumulative, IsMonotonic: true}}
	case histogram:
		encoded.Data = &otlp.Metric_Histogram{Histogram: &otlp.Histogram{AggregationTemporality: cumulative}}
	}
	return encoded
}

func nanoseconds(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// keyValues encodes attributes, whose values are texts or numbers.
func keyValues(attributes []attribute.KeyValue) []*common.KeyValue {
	encoded := make([]*common.KeyValue, len(attributes))
	for i, a := range attributes {
		value := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: a.Value.String()}}
		if a.Value.Type() == attribute.INT64 {
			value.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		}
		encoded[i] = &common.KeyValue{Key: string(a.Key), Value: value}
	}
	return encoded
}
