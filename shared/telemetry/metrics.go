package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// maxSeries bounds the series of a process. Routes and statuses are far fewer.
const maxSeries = 500

// durationBounds are the bounds in seconds of the histogram of durations that OpenTelemetry's
// semantic conventions for HTTP recommend.
var durationBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// kind is what a series is aggregated to.
type kind int

const (
	histogram kind = iota
	counter
	gauge
)

// Metric is the name, the unit and the kind of a metric.
type Metric struct {
	name, unit string
	kind       kind
}

// The metrics of a process. The first three are named by OpenTelemetry's semantic conventions.
// The rate, the errors and the durations of a function's requests are all in the first.
var (
	RequestDuration = Metric{"http.server.request.duration", "s", histogram}
	PoolConnections = Metric{"db.client.connection.count", "{connection}", gauge}
	PoolMaximum     = Metric{"db.client.connection.max", "{connection}", gauge}
	PoolWait        = Metric{"souk.pool.wait", "s", counter}
	OutboxAge       = Metric{"souk.outbox.age", "s", gauge}
	InboxDuplicates = Metric{"souk.inbox.duplicates", "{event}", counter}
	LostSpans       = Metric{"souk.spans.lost", "{span}", counter}
)

// series are the values of a metric with the same attributes.
type series struct {
	metric     Metric
	attributes attribute.Set
	value      float64 // of a counter or gauge, and the sum of a histogram
	count      uint64
	buckets    []uint64
}

// Metrics has the metrics of a process. They are exported by a request, before its response
// ends, at most once in each interval. Nil records nothing.
type Metrics struct {
	interval time.Duration
	now      func() time.Time
	// observe sets the values that are read, and not counted, before each export.
	observe func(*Metrics)
	send    func(ctx context.Context, all []*series, from, to time.Time) error
	started time.Time

	mu       sync.Mutex
	all      map[Metric]map[attribute.Set]*series
	size     int
	exported time.Time // when the last export began
	failing  bool
}

func newMetrics(interval time.Duration, now func() time.Time, observe func(*Metrics), send func(context.Context, []*series, time.Time, time.Time) error) *Metrics {
	begin := now()
	return &Metrics{
		interval: interval, now: now, observe: observe, send: send, started: begin, exported: begin,
		all: map[Metric]map[attribute.Set]*series{},
	}
}

// Add adds a value to a counter or a histogram, or sets a gauge.
func (m *Metrics) Add(metric Metric, value float64, attributes ...attribute.KeyValue) {
	if m == nil {
		return
	}
	set := attribute.NewSet(attributes...)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series(metric, set)
	if s == nil {
		return
	}
	switch metric.kind {
	case gauge:
		s.value = value
	case counter:
		s.value += value
	case histogram:
		s.value += value
		s.count++
		s.buckets[bucket(value)]++
	}
}

// SetTotal sets a counter to a total that is counted elsewhere.
func (m *Metrics) SetTotal(metric Metric, total float64, attributes ...attribute.KeyValue) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.series(metric, attribute.NewSet(attributes...)); s != nil {
		s.value = total
	}
}

// series returns the series of a metric, nil if there are too many.
func (m *Metrics) series(metric Metric, set attribute.Set) *series {
	s := m.all[metric][set]
	if s != nil || m.size >= maxSeries {
		return s
	}
	s = &series{metric: metric, attributes: set}
	if metric.kind == histogram {
		s.buckets = make([]uint64, len(durationBounds)+1)
	}
	if m.all[metric] == nil {
		m.all[metric] = map[attribute.Set]*series{}
	}
	m.all[metric][set] = s
	m.size++
	return s
}

// bucket returns the index of the first bound that is not below the value.
func bucket(value float64) int {
	for i, bound := range durationBounds {
		if value <= bound {
			return i
		}
	}
	return len(durationBounds)
}

type metricsKey struct{}

// WithMetrics returns a context with the metrics of the process, if there are any.
func WithMetrics(ctx context.Context, m *Metrics) context.Context {
	if m == nil {
		return ctx
	}
	return context.WithValue(ctx, metricsKey{}, m)
}

// MetricsFrom returns the metrics of the process that serves ctx's request, nil if it exports
// none.
func MetricsFrom(ctx context.Context) *Metrics {
	m, _ := ctx.Value(metricsKey{}).(*Metrics)
	return m
}
