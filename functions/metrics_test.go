package functions_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"souk/functions"
	"souk/shared/event"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/telemetry"
	"souk/shared/telemetry/telemetrytest"
)

// TestMetrics sends a request to every function: each is in the metrics of its process, by
// function, route and status. The functions that sweep an outbox report its age.
func TestMetrics(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			receiver := telemetrytest.NewReceiver(t)
			metrics := telemetry.MetricConfig{Interval: time.Nanosecond}.NewMetrics(
				telemetry.TraceConfig{Endpoint: receiver.URL}, telemetry.Process{Service: service}, func(*telemetry.Metrics) {})
			s := mustStart(t, service, functiontest.WithMetrics(metrics))
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if f.HTTP == "" {
					continue
				}
				response := s.Do(t, requestTo(t, s, f, mustCreateCaller(t, s, f)))
				requireRequest(t, receiver, f, f.Path(), response.Status)
			}
			sweep := mustFindFunction(t, service+"-outbox")
			tick := functiontest.NewEvent(t, event.TypeTick, object{})
			requireRequest(t, receiver, sweep, "/"+sweep.Name, s.DeliverUnchecked(t, sweep.Name, tick).Status)
			if ages := receiver.Points("souk.outbox.age"); len(ages) == 0 || ages[len(ages)-1].Value < 0 {
				t.Errorf("the ages of the outbox are %+v", ages)
			}
		})
	}
}

// TestDuplicatesAreCounted delivers an event twice.
func TestDuplicatesAreCounted(t *testing.T) {
	t.Parallel()
	receiver := telemetrytest.NewReceiver(t)
	s := mustStart(t, "order", functiontest.WithMetrics(telemetry.MetricConfig{Interval: time.Nanosecond}.NewMetrics(
		telemetry.TraceConfig{Endpoint: receiver.URL}, telemetry.Process{}, func(*telemetry.Metrics) {})))
	e := functiontest.NewEvent(t, "user-deleted", object{"userId": missingID})
	for range 3 {
		s.Deliver(t, "order-anonymize", e).MustBe(t, http.StatusNoContent)
	}
	points := receiver.Points("souk.inbox.duplicates")
	if len(points) == 0 || points[len(points)-1].Value != 2 || points[0].Attributes["messaging.consumer.group.name"] != "order-anonymize" {
		t.Errorf("the duplicates are %+v, want 2", points)
	}
}

func requireRequest(t *testing.T, receiver *telemetrytest.Receiver, f manifest.Function, route string, status int) {
	t.Helper()
	if !slices.ContainsFunc(receiver.Points("http.server.request.duration"), func(p telemetrytest.Point) bool {
		return p.Count > 0 && p.Attributes["faas.invoked_name"] == f.Name && p.Attributes["http.route"] == route &&
			p.Attributes["http.response.status_code"] == fmt.Sprint(status)
	}) {
		t.Errorf("no request of %s with status %d", f.Name, status)
	}
}
