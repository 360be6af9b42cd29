package telemetry_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// TestMetrics checks what is exported, and how often.
func TestMetrics(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, interval time.Duration, observe func(*telemetry.Metrics)) (*telemetry.Metrics, *telemetrytest.Receiver) {
		t.Helper()
		receiver := telemetrytest.NewReceiver(t)
		return telemetry.MetricConfig{Interval: interval}.NewMetrics(telemetry.TraceConfig{Endpoint: receiver.URL},
			telemetry.Process{Service: "order-place"}, observe), receiver
	}
	nothing := func(*telemetry.Metrics) {}

	t.Run("counters and histograms accumulate, gauges are the last value", func(t *testing.T) {
		t.Parallel()
		m, receiver := start(t, time.Nanosecond, func(m *telemetry.Metrics) { m.SetTotal(telemetry.LostSpans, 7) })
		route := attribute.String("http.route", "/v1/orders")
		for range 2 {
			m.Add(telemetry.RequestDuration, 0.005, route)
			m.Add(telemetry.RequestDuration, 60, route)
			m.Add(telemetry.InboxDuplicates, 1)
			m.Add(telemetry.OutboxAge, 4)
			m.Add(telemetry.OutboxAge, 3)
			m.Export(t.Context())
		}
		last := func(name string) telemetrytest.Point {
			points := receiver.Points(name)
			if len(points) != 2 {
				t.Fatalf("%d values of %s, want one of each export", len(points), name)
			}
			return points[1]
		}
		requests := last("http.server.request.duration")
		if requests.Count != 4 || requests.Value != 120.01 || requests.Buckets[0] != 2 || requests.Buckets[14] != 2 ||
			requests.Attributes["http.route"] != "/v1/orders" || requests.Attributes["service.name"] != "order-place" ||
			requests.Attributes["service.instance.id"] == "" {
			t.Errorf("the requests are %+v", requests)
		}
		got := []float64{last("souk.inbox.duplicates").Value, last("souk.outbox.age").Value, last("souk.spans.lost").Value}
		if diff := cmp.Diff([]float64{2, 3, 7}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("requests export at most once in the interval, and the end of the process once more", func(t *testing.T) {
		t.Parallel()
		m, receiver := start(t, time.Hour, nothing)
		for range 3 {
			m.Add(telemetry.InboxDuplicates, 1)
			m.Export(t.Context())
		}
		if got := receiver.Requests(); got != 0 {
			t.Errorf("%d exports within the first interval", got)
		}
		m.Flush(t.Context())
		if points := receiver.Points("souk.inbox.duplicates"); len(points) != 1 || points[0].Value != 3 {
			t.Errorf("the last export is %+v", points)
		}
	})
	t.Run("a receiver that refuses does not stop the process", func(t *testing.T) {
		t.Parallel()
		m, receiver := start(t, time.Nanosecond, nothing)
		receiver.Fail(http.StatusServiceUnavailable)
		m.Add(telemetry.InboxDuplicates, 1)
		m.Export(t.Context())
		receiver.Fail(http.StatusOK)
		m.Export(t.Context())
		if points := receiver.Points("souk.inbox.duplicates"); len(points) != 1 || points[0].Value != 1 {
			t.Errorf("after the error the values are %+v", points)
		}
	})
	t.Run("the number of series is bounded", func(t *testing.T) {
		t.Parallel()
		m, receiver := start(t, time.Nanosecond, nothing)
		for i := range 1000 {
			m.Add(telemetry.InboxDuplicates, 1, attribute.Int("i", i))
		}
		m.Export(t.Context())
		if got := len(receiver.Points("souk.inbox.duplicates")); got != 500 {
			t.Errorf("%d series", got)
		}
	})
	t.Run("nothing is recorded without an interval or endpoint", func(t *testing.T) {
		t.Parallel()
		endpoint := telemetry.TraceConfig{Endpoint: "http://127.0.0.1:1"}
		for _, m := range []*telemetry.Metrics{
			telemetry.MetricConfig{}.NewMetrics(endpoint, telemetry.Process{}, nothing),
			telemetry.MetricConfig{Interval: time.Second}.NewMetrics(telemetry.TraceConfig{}, telemetry.Process{}, nothing),
		} {
			if m != nil {
				t.Error("metrics are recorded")
			}
			m.Add(telemetry.InboxDuplicates, 1)
			m.Export(t.Context())
			m.Flush(t.Context())
			if ctx := telemetry.WithMetrics(t.Context(), m); ctx != t.Context() || telemetry.MetricsFrom(ctx) != nil {
				t.Error("the context has metrics")
			}
		}
	})
}
