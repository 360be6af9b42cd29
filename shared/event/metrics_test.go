package event_test

import (
	"testing"
	"time"

	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// TestAgeMetric requires that a sweep measures the age of the oldest event that it could not
// publish, and 0 afterwards.
func TestAgeMetric(t *testing.T) {
	t.Parallel()
	receiver := telemetrytest.NewReceiver(t)
	metrics := telemetry.MetricConfig{Interval: time.Nanosecond}.NewMetrics(
		telemetry.TraceConfig{Endpoint: receiver.URL}, telemetry.Process{}, func(*telemetry.Metrics) {})
	ctx := telemetry.WithMetrics(t.Context(), metrics)
	h := open(t)
	h.setDown(true)
	h.mustAdd(t, "thing-made", 1)
	h.advance(90 * time.Second)
	h.mustAdd(t, "thing-made", 2)
	h.advance(30 * time.Second)
	if err := h.Sweep(ctx); err == nil {
		t.Fatal("the events were published")
	}
	metrics.Flush(ctx)
	h.setDown(false)
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	metrics.Flush(ctx)
	ages := receiver.Points("souk.outbox.age")
	if len(ages) != 2 || ages[0].Value != 120 || ages[1].Value != 0 {
		t.Errorf("the ages are %+v, want 120 s and 0", ages)
	}
}
